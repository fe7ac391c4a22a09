/** The list of all packages that belongs to each environment file, with versions and hashes; `npm run lock` writes them. */
export const LOCKS: Readonly<Record<string, string>> = {
  "environment.yml": "python/requirements.txt",
  "test/environment.yml": "test/requirements.txt",
  "bench/environment.yml": "bench/requirements.txt",
  "test/ray/environment.yml": "test/ray/requirements.txt",
};

/** One package of a lock: a line `name==version ; marker`, and lines of its hashes. */
export interface LockEntry {
  name: string;
  version: string;
  text: string;
}

/** The packages of a lock, in its order. */
export function lockEntries(lock: string): LockEntry[] {
  return [...lock.matchAll(/^([\w.-]+)==(\S+)[^\n]*\n(?: +--hash[^\n]*\n?)*/gm)].map(([text, name, version]) => ({
    name: name!,
    version: version!,
    text,
  }));
}

/** What of a lock this machine takes: one build of TensorFlow, and CUDA's packages only with that for NVIDIA's GPUs. */
export function lockForThisMachine(lock: string, requirements: readonly string[]): string {
  const build = requirements.flatMap((requirement) => /^(tensorflow(?:-cpu)?)(\[.*\])?==/.exec(requirement) ?? []);
  const [, name, cuda] = build;
  return lockEntries(lock)
    .filter((entry) => {
      if (/^tensorflow(-cpu)?$/.test(entry.name)) return entry.name === name;
      return cuda !== undefined || !entry.name.startsWith("nvidia-");
    })
    .map(({ text }) => text)
    .join("");
}

/** The requirements that a lock doesn't have: somebody added a package to the environment file. */
export function notLocked(lock: string, requirements: readonly string[]): string[] {
  const plain = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-");
  const known = new Set(lockEntries(lock).map(({ name, version }) => `${plain(name)}==${version}`));
  return requirements.filter((requirement) => {
    const [name, version] = requirement.replace(/\[.*\]/, "").split("==");
    return !known.has(`${plain(name!)}==${version}`);
  });
}
