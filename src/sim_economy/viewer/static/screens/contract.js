/** A contract from its proposal to its end. */
import { html } from "../library.js";
import { signed, tokens, words } from "../numbers.js";
import { ContractEvents } from "../parts/contract-events.js";
import { KeyFigures } from "../parts/figures.js";
import { AgentLink } from "../parts/links.js";
import { shownOr } from "../parts/notices.js";
import { Table } from "../parts/table.js";
import { Title } from "../parts/title.js";
import { useAnswer } from "../wire.js";

const roles = ["proposer", "counterparty", "arbitrator"];

export function Contract({ world, contractId }) {
  const answer = useAnswer(world.path(`view/contracts/${encodeURIComponent(contractId)}`), world.version);
  return html`<${Title} text=${`Contract ${contractId}`} path=${[{ name: "Contracts", link: world.to(["contracts"]) }]} />
    ${shownOr(answer, "the contract", (value) => html`<${Known} world=${world} value=${value} />`)}`;
}

function Known({ world, value }) {
  const { contract, terms, events } = value;
  return html`<p class="answer">${value.answer}</p>
    <${KeyFigures} figures=${[
      { label: "stage", value: html`<span class="small">${contract.stage}</span>`, note: contract.cause && words(contract.cause) },
      ...(contract.amount === null ? [] : [{ label: "amount", value: tokens(contract.amount), note: words(contract.kind) }]),
      ...roles.map((role, index) => ({ label: `gain of the ${role}`, value: signed(contract.gains[index]), bad: contract.gains[index].startsWith("-"),
        note: html`<${AgentLink} world=${world} id=${contract.parties[index]} />` })),
    ]} />
    <div class="two"><section><h2>Its life</h2><${ContractEvents} world=${world} rows=${events} /></section>
    <section><h2>Its terms</h2><${Table} caption="Terms" rows=${terms} id=${(row) => row.name} columns=${[
      { name: "term", cell: ({ name }) => words(name) }, { name: "value", wrap: true, cell: (row) => row.value }]} /></section></div>`;
}
