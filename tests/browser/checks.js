// What the tests ask of a page; injected by the driver, never part of one.
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const isShown = (element) => element.getClientRects().length > 0;

const luminance = (colour) =>
  colour.match(/[\d.]+/g).slice(0, 3)
    .map((channel) => (colour.startsWith("rgb") ? channel / 255 : Number(channel)))
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);

const contrast = (first, second) => {
  const [dark, light] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};

const scale = ({ c, d }) => Math.hypot(c, d);

window.checks = {
  // Elements and attributes that the page has no use for.
  strangeElements: () =>
    all("*").filter((element) =>
      element.matches("body :is(script, style, img, iframe, object, form, b, title)") ||
      [...element.attributes].some(({ name }) => name.startsWith("on") || name === "style"),
    ).map((element) => element.outerHTML),
  strangeLinks: () =>
    all("a").map((link) => link.getAttribute("href"))
      .filter((href) => !/^(#|figures\/|tables\/)/.test(href)),
  repeatedIds: () => {
    const ids = all("[id]").map((element) => element.id);
    return ids.filter((id, index) => ids.indexOf(id) !== index);
  },
  // Text and target's text of every link within the page.
  anchors: () =>
    all(".contents a, :is(h2, h3) > a").map((link) => [
      link.textContent,
      document.getElementById(decodeURIComponent(link.hash.slice(1)))?.textContent ?? null,
    ]),
  // Names a drawing refers to that are no element of its own.
  lostNames: () =>
    all(".drawing svg").flatMap((drawing) =>
      all("*", drawing)
        .flatMap((element) => [...element.attributes])
        .map(({ name, value }) =>
          (name === "href" ? /^#(.*)$/ : /^url\(#(.*)\)$/).exec(value)?.[1])
        .filter((name) => name && !drawing.contains(document.getElementById(name)))),
  // Each table scrolled to its end: where its first and last column are within its frame.
  tables: () =>
    all(".wide").map((wide) => {
      wide.scrollLeft = 1e6;
      const frame = wide.getBoundingClientRect();
      const first = wide.querySelector("tbody tr > :first-child").getBoundingClientRect();
      const last = wide.querySelector("tbody tr > :last-child").getBoundingClientRect();
      const scrolled = wide.scrollLeft;
      wide.scrollLeft = 0;
      return {
        scrolled,
        first: first.left - frame.left,
        share: first.width / frame.width,
        left: frame.right - last.right,
      };
    }),
  // How far the head of the longest table moves when its rows are scrolled.
  headMoves: () => {
    const wide = all(".wide").sort((a, b) => b.scrollHeight - a.scrollHeight)[0];
    const head = wide.querySelector("th");
    const before = head.getBoundingClientRect().top;
    wide.scrollTop = 500;
    const moved = [wide.scrollTop, head.getBoundingClientRect().top - before];
    wide.scrollTop = 0;
    return moved;
  },
  // Top and bottom of the first element shown of a selector, from the top of the page.
  span: (selector) => {
    const box = all(selector).find(isShown).getBoundingClientRect();
    return [box.top + scrollY, box.bottom + scrollY];
  },
  faintLetters: (lowest) => {
    const paper = getComputedStyle(document.body).backgroundColor;
    return all(".drawing text")
      .filter((text) => contrast(getComputedStyle(text).fill, paper) < lowest)
      .map((text) => text.textContent);
  },
  letterSizes: () =>
    all(".drawing text").filter(isShown)
      .map((text) => parseFloat(getComputedStyle(text).fontSize) * scale(text.getScreenCTM())),
};
