// Who is here: connections by the server's presence, names by what each page says of itself.

const LONGEST_NAME = 32;
const FIRST = ["Amber", "Brisk", "Coral", "Dapper", "Early", "Fond", "Gentle", "Hazel", "Ivory", "Jolly", "Keen", "Lucky", "Mellow", "Noble", "Opal", "Quiet", "Rapid", "Silver", "Tidy", "Velvet"];
const SECOND = ["Badger", "Crane", "Dolphin", "Egret", "Falcon", "Gecko", "Heron", "Ibex", "Jackal", "Koala", "Lynx", "Marten", "Newt", "Otter", "Puffin", "Raven", "Seal", "Tern", "Vole", "Wren"];

const pick = (words) => words[Math.floor(Math.random() * words.length)];

/** A name as it may be shown: one line, not too long. */
export function tidyName(name) {
  return name.replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME);
}

/** Reads or writes storage where the browser allows it. */
function stored(kind, value) {
  try {
    if (value !== undefined) window[kind].setItem("planet.chat.name", value);
    return window[kind].getItem("planet.chat.name");
  } catch {
    return null;
  }
}

export class People {
  #self;
  #show;
  #here = new Set();
  #names = new Map();

  constructor(self, show) {
    this.#self = self;
    this.#show = show;
  }

  /** This window's name: its own, the one chosen last, or a made-up one so that two new windows differ. */
  ownName() {
    const name = stored("sessionStorage") || stored("localStorage") || `${pick(FIRST)} ${pick(SECOND)}`;
    stored("sessionStorage", name);
    return name;
  }

  rename(name) {
    const tidy = tidyName(name) || this.ownName();
    stored("sessionStorage", tidy);
    stored("localStorage", tidy);
    return tidy;
  }

  nameOf(client) {
    return this.#names.get(client) ?? `Guest ${client.slice(-4)}`;
  }

  named(client, name) {
    const tidy = tidyName(name);
    if (!tidy || this.#names.get(client) === tidy) return;
    this.#names.set(client, tidy);
    this.#changed();
  }

  joined(client) {
    this.#here.add(client);
    this.#changed();
  }

  left(client) {
    this.#here.delete(client);
    this.#names.delete(client);
    this.#changed();
  }

  replace(clients) {
    this.#here = new Set(clients);
    for (const client of this.#names.keys()) if (!this.#here.has(client)) this.#names.delete(client);
    this.#changed();
  }

  /** One entry a name, ourselves first, then by name. */
  #changed() {
    const self = this.#self();
    const entries = new Map();
    for (const client of this.#here) {
      const name = this.nameOf(client);
      const entry = entries.get(name) ?? { name, windows: 0, self: false };
      entry.windows++;
      entry.self ||= client === self;
      entries.set(name, entry);
    }
    this.#show([...entries.values()].sort((a, b) => b.self - a.self || a.name.localeCompare(b.name)));
  }
}
