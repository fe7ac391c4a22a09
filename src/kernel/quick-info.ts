import type ts from "typescript";

/** What Shift-Tab shows: the signature, the documentation, and each of its tags by name. */
export function quickInfoText({ displayParts = [], documentation = [], tags = [] }: ts.QuickInfo): string {
  const plain = (parts: readonly ts.SymbolDisplayPart[]): string => parts.map(({ text }) => text).join("");
  const named = tags.map(({ name, text = [] }) => `@${name}${name === "example" ? "\n" : " "}${plain(text)}`);
  return [plain(displayParts), plain(documentation), named.join("\n")].filter((part) => part !== "").join("\n\n");
}
