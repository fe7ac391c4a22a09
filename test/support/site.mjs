// A plugin of typedoc's: the pages of docs/ are called by their headings and listed in groups, in the place of front matter, which GitHub would show.
import { Converter } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [, heading] = /^# (.*)\n/.exec(page.content[0].text) ?? [];
    if (heading === undefined) throw new Error(`${page.name}: expected a heading in the first line`);
    // Pages are what the text of an error message is looked for in.
    page.relevanceBoost = page.name.endsWith("troubleshooting") ? 60 : 20;
    page.frontmatter.group = page.name.includes("guides/") ? "Guides" : "Topics";
    page.name = heading;
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    project.getChildByName("index").name = "API";
  });
}
