import type { WireError } from "./protocol";

/** A failure with the code that the server gave, or one of the client's own. */
export class PlanetError extends Error {
  code: number;
  temporary: boolean;

  constructor(code: number, message: string, temporary = false) {
    super(message);
    this.name = "PlanetError";
    this.code = code;
    this.temporary = temporary;
  }

  static from(error: WireError): PlanetError {
    return new PlanetError(error.code, error.message, !!error.temporary);
  }
}
