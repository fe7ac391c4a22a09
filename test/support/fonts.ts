import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const FONTS = join(dirname(require.resolve("dejavu-fonts-ttf/package.json")), "ttf");
const GENERIC = { serif: "DejaVu Serif", monospace: "DejaVu Sans Mono" };

/**
 * Writes a configuration of fontconfig into `folder`, to be named by FONTCONFIG_FILE: a program that reads it draws text
 * in the tests' own fonts, whatever the machine has installed and however it is set up.
 */
export function writeFontConfig(folder: string): string {
  const file = join(folder, "fonts.conf");
  const families = Object.entries(GENERIC).map(
    ([generic, family]) =>
      `<alias binding="same"><family>${generic}</family><prefer><family>${family}</family></prefer></alias>`,
  );
  const rendering = {
    antialias: "<bool>true</bool>",
    hinting: "<bool>true</bool>",
    hintstyle: "<const>hintslight</const>",
  };
  const edits = Object.entries(rendering).map(([name, value]) => `<edit name="${name}" mode="assign">${value}</edit>`);
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${FONTS}</dir><cachedir>${join(folder, "font-cache")}</cachedir>${families.join("")}
<match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
<match target="font">${edits.join("")}</match></fontconfig>`,
  );
  return file;
}
