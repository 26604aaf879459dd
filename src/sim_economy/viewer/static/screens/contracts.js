/** All contracts, newest first. */
import { html } from "../library.js";
import { counted, tokens } from "../numbers.js";
import { ContractTable } from "../parts/contract-table.js";
import { Filters } from "../parts/filters.js";
import { More, usePages } from "../parts/more.js";
import { shownOr } from "../parts/notices.js";
import { Title } from "../parts/title.js";

const filters = [
  { name: "kind", label: "Kind", choices: ["service", "information_sale", "loan", "insurance", "forward"] },
  { name: "stage", label: "Stage", choices: ["proposed", "active", "delivered", "attesting", "confirmed", "disputed", "referred", "ruled",
    "lapsed", "void", "settled", "defaulted"] },
  { name: "agent", label: "Party" },
];
const limit = 50;

export function Contracts({ world, query }) {
  const stated = Object.fromEntries(query);
  const pages = usePages((after) => world.path("view/contracts", { ...stated, after, limit }), world.version);
  return html`<${Title} text="Contracts" />
    <p class="answer">${sentence(world.overview)}</p>
    <${Filters} filters=${filters} query=${query} link=${(next) => world.to(["contracts"], next)} />
    ${shownOr({ value: pages.first, error: pages.error }, "the contracts", ({ total }) => (total === 0
      ? html`<p class="empty">No contract is like that.</p>`
      : html`<p class="empty">${counted(total, "contract")}, newest first</p>
        <${ContractTable} world=${world} rows=${pages.rows} /><${More} pages=${pages} what="contracts" />`))}`;
}

function sentence({ contracts, open_contracts: open }) {
  const proposed = contracts.proposed ?? 0;
  if (proposed === 0) return "No contract was proposed in this world.";
  return `${counted(proposed, "contract")} ${proposed === 1 ? "was" : "were"} proposed: ` +
    `${tokens(contracts.settled ?? 0)} settled, ${tokens(contracts.defaulted ?? 0)} defaulted, ${tokens(open)} open.`;
}
