// Volumes have axes to the left, anterior and superior of the patient. Planes are turned as radiologists hang them: the
// patient's right, and in sagittal planes the front, at the left of the screen.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const state = { series: 0, item: 0, window: 0, method: 0, colors: 0, opacity: 0.6, visible: true, at: [0, 0, 0] };
const PLANES = [
  { name: "axial", axis: 2, across: 0, up: 1, letters: { left: "R", right: "L", top: "A", bottom: "P" } },
  { name: "coronal", axis: 1, across: 0, up: 2, letters: { left: "R", right: "L", top: "S", bottom: "I" } },
  { name: "sagittal", axis: 0, across: 1, up: 2, turned: true, letters: { left: "A", right: "P", top: "S", bottom: "I" } },
];
const SHOWN_FROM = 0.35; // of the peak; below, the slice stays as it is

function map() { // of the chosen finding, series and method; null where there is none
  const maps = data.items[state.item].maps.filter((one) => one.series === state.series);
  return maps.find((one) => one.method === methods()[state.method]) || null;
}

function methods() {
  return [...new Set(data.items[state.item].maps.filter((one) => one.series === state.series).map((one) => one.method))];
}

function strongest(one) { // of the item's maps by the same method, over all series: colors mean the same in each
  const maps = data.items[state.item].maps.filter((other) => other.method === one.method);
  return maps.reduce((best, other) => (other.max > best.max ? other : best));
}

function isWeak(one) { // in its series nothing is shown, because another one has so much more
  return one.max < SHOWN_FROM * strongest(one).max;
}

function column(plane, index) { // of an index along a plane's rows, and back
  return plane.turned ? data.volumes[state.series].shape[plane.across] - 1 - index : index;
}

function color(share) { // red, green, blue of the chosen scale
  const at = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1)), rgb = data.colors[state.colors].rgb;
  return [rgb[at], rgb[at + 1], rgb[at + 2]];
}

function draw(plane) {
  const volume = data.volumes[state.series];
  if (!volume.array) return;
  const [nx, ny] = volume.shape, { axis, across, up } = plane;
  const width = volume.shape[across], height = volume.shape[up], canvas = plane.canvas, context = plane.context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width; canvas.height = height;
    canvas.style.aspectRatio = `${width * volume.spacing[across]} / ${height * volume.spacing[up]}`;
    canvas.style.width = "100%";
  }
  const image = context.createImageData(width, height), pixels = image.data;
  const window = volume.windows[state.window], scale = 255 / (window.high - window.low);
  const heat = state.visible ? map() : null, peak = heat ? strongest(heat).max : 0, at = [0, 0, 0];
  let painted = 0;
  at[axis] = state.at[axis];
  for (let v = 0; v < height; v++) {
    at[up] = height - 1 - v; // anterior and superior are on top
    for (let u = 0; u < width; u++) {
      at[across] = column(plane, u);
      const value = volume.low + volume.step * volume.array[at[0] + nx * (at[1] + ny * at[2])];
      const gray = Math.min(Math.max((value - window.low) * scale, 0), 255), to = 4 * (v * width + u);
      let r = gray, g = gray, b = gray;
      if (peak > 0) {
        const share = sample(heat, at[0], at[1], at[2]) / peak;
        const alpha = state.opacity * Math.min(Math.max((share - SHOWN_FROM) / (1 - SHOWN_FROM), 0), 1);
        if (alpha > 0) {
          const c = color(share);
          r += alpha * (c[0] - r); g += alpha * (c[1] - g); b += alpha * (c[2] - b); painted++;
        }
      }
      pixels[to] = r; pixels[to + 1] = g; pixels[to + 2] = b; pixels[to + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  canvas.dataset.painted = painted;
  plane.level.style.top = `${100 * (height - 0.5 - state.at[up]) / height}%`;
  plane.upright.style.left = `${100 * (column(plane, state.at[across]) + 0.5) / width}%`;
  plane.slider.max = volume.shape[axis] - 1;
  plane.slider.value = state.at[axis];
  plane.title.textContent = `${plane.name} ${state.at[axis] + 1}/${volume.shape[axis]}`;
}

function drawAll() { PLANES.forEach(draw); }

function move(at) {
  const shape = data.volumes[state.series].shape;
  state.at = at.map((value, axis) => Math.min(Math.max(Math.round(value), 0), shape[axis] - 1));
  drawAll();
  say();
}

function land() { // where the map is strongest in this series
  const one = map();
  if (one && one.peak) move(one.peak);
}

function jump() { // where it is strongest at all
  const one = map();
  if (!one || !isWeak(one)) return land();
  $("series").value = strongest(one).series;
  return show(strongest(one).series);
}

function millimetres() { // RAS
  const m = data.volumes[state.series].affine, [x, y, z] = state.at;
  return [0, 1, 2].map((i) => m[4 * i] * x + m[4 * i + 1] * y + m[4 * i + 2] * z + m[4 * i + 3]);
}

function say() {
  const volume = data.volumes[state.series], [x, y, z] = state.at, [r, a, s] = millimetres();
  if (!volume.array) return;
  const value = volume.low + volume.step * volume.array[x + volume.shape[0] * (y + volume.shape[1] * z)];
  const side = (number, plus, minus) => `${Math.abs(number).toFixed(0)} mm ${number < 0 ? minus : plus}`;
  $("status").textContent =
    `${side(r, "right", "left").replace("right", "R").replace("left", "L")}, ${side(a, "A", "P")}, ${side(s, "S", "I")}`
    + ` · ${value.toFixed(0)}${volume.modality === "CT" ? " HU" : ""}`;
}

function windowName(one, volume) { // with width and level where they are Hounsfield units
  return volume.modality === "CT" ? `${one.name} W${one.high - one.low} L${(one.high + one.low) / 2}` : one.name;
}

function fill(select, names, chosen) {
  select.replaceChildren(...names.map((name, index) => new Option(name, index, false, index === chosen)));
  select.parentElement.style.display = names.length > 1 ? "" : "none";
}

function row(parent, tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

function choose(index, focus) {
  state.item = (index + data.items.length) % data.items.length;
  state.method = Math.min(state.method, Math.max(methods().length - 1, 0));
  fill($("method"), methods(), state.method);
  [...$("items").children].forEach((button, number) => {
    button.setAttribute("aria-selected", number === state.item);
    button.tabIndex = number === state.item ? 0 : -1;
    if (focus && number === state.item) button.focus();
  });
  describe();
  drawAll();
}

function describe() {
  const item = data.items[state.item], one = map(), about = $("about");
  about.replaceChildren();
  row(about, "p", item.texts.map((text) => `“${text}”`).join(" · "));
  row(about, "p", `Not seen here: ${(100 * item.empty).toFixed(0)} % of the attention looked at no patch.`);
  const peak = one ? strongest(one).max : 0;
  if (!(peak > 0)) row(about, "p", "This map is zero everywhere: there is no place to show.");
  else if (isWeak(one)) row(about, "p", `Next to nothing on this series: see ${data.volumes[strongest(one).series].name}.`);
  $("most").textContent = peak > 0 ? `${peak.toFixed(1)} times an even spread` : "";
  $("checks").replaceChildren();
  if (item.checks.length && one && one.method === data.checked) {
    row($("checks"), "h2", "What this map is worth");
    const table = row($("checks"), "table", "");
    for (const [name, value] of item.checks) {
      const line = row(table, "tr", "");
      row(line, "td", name);
      row(line, "td", value);
    }
  }
  const bar = $("bar").getContext("2d");
  for (let i = 0; i < 256; i++) { bar.fillStyle = `rgb(${color(i / 255)})`; bar.fillRect(i, 0, 1, 10); }
}

async function show(series) {
  state.series = series;
  const volume = data.volumes[series];
  if (!volume.array) {
    $("status").textContent = "Unpacking …";
    volume.array = await unpack(volume);
    volume.data = "";
  }
  state.window = 0;
  fill($("window"), volume.windows.map((one) => windowName(one, volume)), 0);
  state.at = volume.shape.map((size) => size >> 1);
  choose(state.item);
  land();
  say();
  document.body.dataset.ready = series;
}

function next(select, count) {
  select.value = (Number(select.value) + 1) % count;
  select.dispatchEvent(new Event("change"));
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select, input")) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && !event.target.matches("canvas")) choose(state.item + step, event.target.matches(".item"));
  else if (/^[1-9]$/.test(event.key) && event.key <= data.items.length) choose(event.key - 1);
  else if (event.key === "j") jump();
  else if (event.key === "h") $("visible").click();
  else if (event.key === "[" || event.key === "]") {
    $("opacity").value = Number($("opacity").value) + (event.key === "]" ? 10 : -10);
    $("opacity").dispatchEvent(new Event("input"));
  } else if (event.key === "w") next($("window"), data.volumes[state.series].windows.length);
  else if (event.key === "s") next($("series"), data.volumes.length);
  else if (event.key === "m" && methods().length) next($("method"), methods().length);
  else return;
  event.preventDefault();
}

function along(plane, step) {
  const at = [...state.at];
  at[plane.axis] += step;
  move(at);
}

function build(plane) {
  const box = document.createElement("div");
  box.className = "plane";
  box.id = plane.name;
  plane.canvas = document.createElement("canvas");
  plane.canvas.tabIndex = 0;
  plane.canvas.setAttribute("role", "img");
  plane.canvas.setAttribute("aria-label", `${plane.name} slice with heatmap; arrow keys change the slice`);
  plane.context = plane.canvas.getContext("2d");
  const stage = document.createElement("div");
  stage.className = "stage";
  plane.level = row(stage, "i", "");
  plane.level.className = "level";
  plane.upright = row(stage, "i", "");
  plane.upright.className = "upright";
  stage.prepend(plane.canvas);
  plane.title = document.createElement("span");
  plane.title.className = "letter name";
  plane.slider = document.createElement("input");
  plane.slider.type = "range";
  plane.slider.min = 0;
  plane.slider.setAttribute("aria-label", `${plane.name} slice`);
  box.append(stage, plane.title, plane.slider);
  for (const [side, letter] of Object.entries(plane.letters)) row(box, "span", letter).className = `letter ${side}`;
  $("planes").append(box);
  const point = (event) => {
    const frame = plane.canvas.getBoundingClientRect(), at = [...state.at];
    at[plane.across] = column(plane, Math.floor((event.clientX - frame.left) / frame.width * plane.canvas.width));
    at[plane.up] = plane.canvas.height - 1 - Math.floor((event.clientY - frame.top) / frame.height * plane.canvas.height);
    move(at);
  };
  plane.canvas.addEventListener("pointerdown", (event) => { plane.canvas.setPointerCapture(event.pointerId); point(event); });
  plane.canvas.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
  plane.canvas.addEventListener("wheel", (event) => { event.preventDefault(); along(plane, event.deltaY > 0 ? -1 : 1); }, { passive: false });
  plane.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, PageUp: 5, ArrowDown: -1, PageDown: -5 }[event.key];
    if (step) { event.preventDefault(); event.stopPropagation(); along(plane, step); }
  });
  plane.slider.addEventListener("input", () => along(plane, Number(plane.slider.value) - state.at[plane.axis]));
}

function start() {
  $("study").textContent = data.study;
  $("model").textContent = data.model;
  for (const text of data.warnings) row($("warnings"), "p", text);
  PLANES.forEach(build);
  $("planes").append($("status"));
  const scores = data.items.map((item) => item.score), low = Math.min(0, ...scores), high = Math.max(...scores, low + 1e-6);
  data.items.forEach((item, index) => {
    const button = row($("items"), "button", "");
    button.type = "button";
    button.className = "item";
    button.setAttribute("role", "option");
    row(button, "span", item.name);
    row(button, "span", item.score.toFixed(3)).className = "score";
    const track = row(button, "span", "");
    track.className = "track";
    row(track, "i", "").style.width = `${100 * (item.score - low) / (high - low)}%`;
    button.addEventListener("click", () => { choose(index); jump(); });
  });
  data.colors.forEach((one) => { one.rgb = bytes(one.rgb); });
  for (const item of data.items) for (const one of item.maps) one.values = new Float32Array(bytes(one.values).buffer);
  fill($("series"), data.volumes.map((volume) => volume.name), 0);
  fill($("colors"), data.colors.map((one) => one.name), 0);
  $("series").addEventListener("change", (event) => show(Number(event.target.value)));
  $("window").addEventListener("change", (event) => { state.window = Number(event.target.value); drawAll(); });
  $("method").addEventListener("change", (event) => { state.method = Number(event.target.value); describe(); drawAll(); });
  $("colors").addEventListener("change", (event) => { state.colors = Number(event.target.value); describe(); drawAll(); });
  $("opacity").addEventListener("input", (event) => { state.opacity = Number(event.target.value) / 100; drawAll(); });
  $("visible").addEventListener("change", (event) => { state.visible = event.target.checked; drawAll(); });
  $("jump").addEventListener("click", jump);
  document.addEventListener("keydown", key);
  const first = data.items[0].maps.length ? strongest(data.items[0].maps[0]).series : 0;
  $("series").value = first;
  show(first).catch((error) => {
    $("status").textContent = `This page needs a browser of 2023 or newer (${error.message}).`;
    throw error;
  });
}

start();
