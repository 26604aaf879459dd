/** All that happened, newest first. */
import { html } from "../library.js";
import { EventList } from "../parts/event-list.js";
import { Filters } from "../parts/filters.js";
import { More, usePages } from "../parts/more.js";
import { shownOr } from "../parts/notices.js";
import { Title } from "../parts/title.js";

const filters = [
  { name: "kind", label: "Kind", choices: ["insolvency", ["denial", "refused usage"], "block", "contract", "rejection", "speech", "income", "transaction", "intervention", "end"] },
  { name: "agent", label: "Agent" },
];
const limit = 100;

export function Events({ world, query }) {
  const stated = Object.fromEntries(query);
  const pages = usePages((before, page) => world.path("view/events", { ...stated, before, skip: page?.skip || undefined, limit }), world.version);
  return html`<${Title} text="Events" />
    <${Filters} filters=${filters} query=${query} link=${(next) => world.to(["events"], next)} />
    ${shownOr({ value: pages.first, error: pages.error }, "the events", () => html`
      ${pages.rows.length === 0 && html`<p class="empty">Nothing like that has happened.</p>`}
      <div class="narrow"><${EventList} world=${world} rows=${pages.rows} marksNew /></div>
      <${More} pages=${pages} what="events" />`)}`;
}
