// Where the page has its data from: the local server, or the report that it is in.

export async function openSource() {
  return document.getElementById("list") === null ? new Served() : new Inside();
}

class Served {
  async start() {
    return (await got("start")).json();
  }

  async kernels() {
    return (await got("ptdet.wasm")).arrayBuffer();
  }

  // Tells `add` of all pictures, as the server reads them: rows, and how far it is.
  async list(add) {
    for (let known = 0, wait = 50; ; wait = Math.min(2 * wait, 1000)) {
      const found = await (await got(`pictures/${known}`)).json();
      known += found.rows.length;
      const whole = found.read === found.files;
      const told = whole ? "" : `${found.read} of ${found.files} files read`;
      add(found.rows, { problems: found.problems, told, whole });
      if (whole) return;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async payload(number) {
    return (await got(`payload/${number}`)).arrayBuffer();
  }

  image(number) {
    return loaded(`image/${number}`);
  }
}

class Inside {
  constructor() {
    this.said = JSON.parse(text("list"));
  }

  async start() {
    return this.said.start;
  }

  async kernels() {
    return bytes(text("wasm"));
  }

  async list(add) {
    const { rows, leftOut, problems } = this.said;
    add(rows, { problems, told: leftOut ? `${leftOut} more are not in this report` : "", whole: true });
  }

  async payload(number) {
    return bytes(text(`payload-${number}`));
  }

  async image(number) {
    const block = document.getElementById(`image-${number}`);
    if (block === null) throw new Error("not in this report");
    return loaded(block.textContent);
  }
}

function text(id) {
  return document.getElementById(id).textContent;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

async function got(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer;
}

async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}
