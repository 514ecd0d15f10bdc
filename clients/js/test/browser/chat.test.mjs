import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serverUnderTest, Visitor } from "./chat.mjs";

const server = await serverUnderTest();
/** Messages of earlier runs are in the history; these begin with what no other run has. */
const run = `run ${Date.now().toString(36)}`;
const MISSED = 6;
const AWAY_FOR = 4000;

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

async function pair(t, options) {
  const visitors = [];
  t.after(() => Promise.all(visitors.map((visitor) => visitor.close())));
  for (const name of ["Julia", "Tomás"]) visitors.push(await Visitor.open(browser, server, name, options));
  return visitors;
}

/** The other posts while one is away; back again, one shows all of it once, in order, and no gap. */
async function missNothing(away, other, topic, leave, comeBack) {
  const prefix = `${run} ${topic}`;
  const said = Array.from({ length: MISSED }, (_, n) => `${prefix} ${n}`);
  await leave();
  const until = Date.now() + AWAY_FOR;
  for (const text of said) await other.say(text);
  await other.page.waitForTimeout(Math.max(0, until - Date.now()));
  await comeBack();
  const last = `${prefix} and on`;
  await away.sees(said[MISSED - 1]);
  await away.connected();
  await other.say(last);
  await away.sees(last);
  assert.deepEqual(await away.shown(prefix), [...said, last]);
  assert.equal(await away.gaps(), 0);
}

for (const transport of ["websocket", "http_stream", "sse", "long_poll"]) {
  test(`two pages chat over ${transport}, all else blocked, and miss nothing`, { timeout: 120_000 }, async (t) => {
    const [julia, tomas] = await pair(t, { only: transport });
    assert.equal(await julia.connected(), transport);
    assert.equal(await tomas.connected(), transport);

    await Promise.all([julia.seesPerson("Tomás"), tomas.seesPerson("Julia"), julia.seesPerson("Julia")]);

    await tomas.page.locator("#text").pressSequentially("Hm", { delay: 30 });
    await julia.seesTyping("Tomás");
    await julia.say(`${run} ${transport}: are you there?`);
    await tomas.sees(`${run} ${transport}: are you there?`);
    await tomas.say(`${run} ${transport}: I am.`);
    await julia.sees(`${run} ${transport}: I am.`);
    await julia.page.waitForFunction(() => !document.querySelector("#typing").textContent);

    const cut = () => julia.proxy.cut();
    const restore = () => julia.proxy.restore();
    await missNothing(julia, tomas, `${transport} cut`, cut, restore);
    const offline = () => julia.context.setOffline(true);
    const online = () => julia.context.setOffline(false);
    await missNothing(julia, tomas, `${transport} offline`, offline, online);
    await missNothing(julia, tomas, `${transport} both`, async () => (await offline(), cut()), async () => (restore(), await online()));

    assert.equal(await julia.connected(), transport);
    await julia.seesPerson("Tomás");
    await tomas.seesPerson("Julia");
    await julia.screenshot(transport);
    assert.deepEqual([julia.problems, tomas.problems], [[], []]);
  });
}

test("a newcomer sees the history, and markup as the text that it is", { timeout: 60_000 }, async (t) => {
  const [julia] = await pair(t);
  const text = `${run} <img src=x onerror="document.title='owned'"> & <b>bold</b>`;
  await julia.say(text);
  const [wei] = await pair(t, { context: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" } });
  await wei.sees(text);
  assert.equal(await wei.page.title(), "Planet chat");
  assert.equal(await wei.page.locator(".bubble img, .bubble b").count(), 0);
  assert.equal(await wei.page.evaluate(() => document.documentElement.scrollWidth), 390, "nothing sticks out of a phone's screen");
  await wei.screenshot("phone-dark");
  assert.deepEqual([julia.problems, wei.problems], [[], []]);
});

test("a reader who scrolled up stays there and is told of what is new", { timeout: 60_000 }, async (t) => {
  const [julia, tomas] = await pair(t);
  for (let n = 0; n < 20; n++) await tomas.say(`${run} fill ${n}`);
  await julia.sees(`${run} fill 19`);
  const scroller = julia.page.locator("#scroller");
  await scroller.hover();
  await julia.page.mouse.wheel(0, -400);
  await julia.page.waitForFunction(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroller");
    return scrollHeight - scrollTop - clientHeight > 300;
  });
  const top = await scroller.evaluate((element) => element.scrollTop);
  await tomas.say(`${run} below`);
  await julia.page.getByRole("button", { name: "1 new message" }).click();
  await julia.page.locator("#newer").waitFor({ state: "hidden" });
  assert.ok((await scroller.evaluate((element) => element.scrollTop)) > top);
});

test("?transport= and the chooser decide the transport", { timeout: 60_000 }, async (t) => {
  const visitor = await Visitor.open(browser, server, "Wei", { query: "?transport=long_poll" });
  t.after(() => visitor.close());
  assert.equal(await visitor.connected(), "long_poll");
  assert.equal(await visitor.page.inputValue("#transport"), "long_poll");
  await visitor.page.selectOption("#transport", "sse");
  await visitor.page.locator('#connection[data-transport="sse"][data-state="connected"]').waitFor();
});
