import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Proxy } from "./proxy.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const HTTP_TRANSPORTS = ["http_stream", "sse", "long_poll"];
const PATIENCE = 20_000;

/** The server under test. Throws, saying what to do, when it is not there. */
export async function serverUnderTest() {
  const url = process.env.PLANET_URL;
  if (!url) throw new Error("PLANET_URL is not set: start a server and give its address, such as PLANET_URL=http://127.0.0.1:8000");
  try {
    const response = await fetch(new URL("/healthz", url));
    if (!response.ok) throw new Error(`/healthz says ${response.status}`);
  } catch (error) {
    throw new Error(`no server at PLANET_URL ${url}: ${error.cause?.message ?? error.message}`);
  }
  return url;
}

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
}

/** One visitor with a browser profile, a network and a window of its own. */
export class Visitor {
  static async open(browser, server, name, { only, query = "", context: options = {} } = {}) {
    const visitor = new Visitor();
    visitor.name = name;
    visitor.proxy = new Proxy(server);
    visitor.problems = [];
    const url = await visitor.proxy.listen();
    visitor.context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
    if (only) {
      visitor.proxy.refusesWebSocket = only !== "websocket";
      const blocked = HTTP_TRANSPORTS.filter((transport) => transport !== only).join("|");
      await visitor.context.route(new RegExp(`/connection/(${blocked})\\b`), (route) => route.abort());
    }
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(PATIENCE);
    visitor.page.on("pageerror", (error) => visitor.problems.push(error.message));
    await visitor.page.goto(url + query);
    await visitor.connected();
    await visitor.page.fill("#name", name);
    await visitor.page.press("#name", "Enter");
    return visitor;
  }

  /** Waits for a connection; resolves with its transport. */
  async connected() {
    const line = this.page.locator('#connection[data-state="connected"]');
    await line.waitFor();
    return line.getAttribute("data-transport");
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
    await this.sees(text);
  }

  sees(text) {
    return this.page.locator(".bubble").getByText(text, { exact: true }).first().waitFor();
  }

  seesTyping(name) {
    return this.page.locator("#typing").getByText(`${name} is typing`).waitFor();
  }

  seesPerson(name) {
    return this.page.locator("#people-list").getByText(name, { exact: true }).waitFor();
  }

  /** The texts shown that begin so, in the order shown. */
  async shown(prefix) {
    const texts = await this.page.locator(".bubble").allTextContents();
    return texts.filter((text) => text.startsWith(prefix));
  }

  gaps() {
    return this.page.locator(".gap").count();
  }

  /** Kept in the folder that PLANET_SCREENSHOTS names, if it does. */
  async screenshot(name) {
    const folder = process.env.PLANET_SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  async close() {
    await this.context.close();
    this.proxy.close();
  }
}
