import { constants } from "node:os";

/** Whether an error says that there is no such file; NFS says it of one that another machine deleted by ESTALE. */
export function isMissing(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || (errno !== undefined && errno === -constants.errno.ESTALE);
}
