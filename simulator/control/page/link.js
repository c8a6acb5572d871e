// The connection to the simulator: requests, and the log followed by server-sent events or, failing that, by long polls.

const AGAIN_MS = 1500;
const POLL_S = 20;
const FAILURES_BEFORE_POLLING = 2;

let token = null;

/** A token may come in the address: http://host:port/#token=... ; it is kept for this tab and taken out of sight. */
export function readToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  token = sessionStorage.getItem("token");
}

/** The answer's JSON. Throws an Error whose `problem` is what the server said. */
export async function ask(method, path, body) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const said = await answer.json();
  if (answer.ok) return said;
  throw Object.assign(new Error(said.detail), { problem: said });
}

/** Follow the log after `seq()`: `heard` gets each entry, `changed` how it goes: "live", "polling" or "lost". */
export function follow(seq, heard, changed) {
  let failures = 0;
  if (token || !("EventSource" in window)) {
    poll();
  } else {
    listen();
  }

  function listen() {
    const source = new EventSource(`/v1/log/stream?after=${seq()}`);
    source.onopen = () => {
      failures = 0;
      changed("live");
    };
    source.onmessage = (message) => heard(JSON.parse(message.data));
    source.onerror = () => {
      source.close();
      failures += 1;
      if (failures >= FAILURES_BEFORE_POLLING) {
        poll();
      } else {
        changed("lost");
        setTimeout(listen, AGAIN_MS);
      }
    };
  }

  async function poll() {
    let wait = 0; // the first answer comes at once, and shows that there is a connection
    for (;;) {
      try {
        const page = await ask("GET", `/v1/log?after=${seq()}&wait=${wait}`);
        wait = POLL_S;
        changed("polling");
        page.entries.forEach(heard);
      } catch {
        wait = 0;
        changed("lost");
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        if (!token && "EventSource" in window) {
          failures = 0;
          listen();
          return;
        }
      }
    }
  }
}
