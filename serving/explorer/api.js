// The service: JSON in, JSON out, failures in words, a key when it asks for one.

import { askForKey, currentKey } from "./key.js";

/** A refusal or a failure of the service, in its own words. */
export class Failure extends Error {
  constructor(status, { code = "", message = "", details = [] } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The document that the service answers with; `body` makes it a POST. Raises Failure. */
export async function ask(path, body, signal) {
  for (;;) {
    const key = currentKey();
    const response = await sent(path, body, signal, key);
    if (response.status === 401) {
      const message = key ? "The key is not accepted." : "";
      if (await askForKey(key, message)) continue;
    }
    const document = await read(response);
    if (response.ok) return document;
    throw new Failure(response.status, document?.error ?? { message: `it answered ${response.status}` });
  }
}

async function sent(path, body, signal, key) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const posted = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    // Relative, so that the page works behind a proxy that serves it under a prefix.
    return await fetch(`../${path}`, { ...posted, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { code: "unreachable", message: "The service does not answer. Is it running?" });
  }
}

async function read(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(response.status, { message: "The service answered with no JSON." });
  }
}
