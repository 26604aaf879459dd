/** The libraries that the page is made of, named once; `vendor/manifest.json` lists them. */
import htm from "./vendor/htm.module.js";

const { h, render, Component, Fragment } = globalThis.preact;
const { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback } = globalThis.preactHooks;

/** Markup as a template: `html\`<p>${text}</p>\``; what is put in is text, never markup. */
const html = htm.bind(h);

const { uPlot } = globalThis;

export {
  Component, Fragment, html, render, uPlot,
  useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState,
};
