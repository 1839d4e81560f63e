// Runs ONNX models by onnxruntime-web: node run_onnx.mjs MODULES LIST, where MODULES is the folder that it was installed in
// (node_modules) and LIST a JSON list of models, each with steps, inputs, states and outputs; see run_onnx.h.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
const [modules, list] = process.argv.slice(2);
const ort = createRequire(modules + "/")("onnxruntime-web");
ort.env.wasm.numThreads = 1;
const count = (dims) => dims.reduce((a, b) => a * b, 1);
const numbers = (file) => {
  const bytes = readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
};
for (const model of JSON.parse(readFileSync(list, "utf8"))) {
  try {
    const session = await ort.InferenceSession.create(readFileSync(model.file), { logSeverityLevel: 3 });
    const given = model.inputs.map((x) => (x.type === "int64" ? new Int32Array(numbers(x.file)) : new Float32Array(numbers(x.file))));
    const kept = {};
    for (const s of model.states) kept[s.name] = new ort.Tensor("float32", new Float32Array(count(s.dims)), s.dims);
    const written = model.outputs.map(() => []);
    for (let step = 0; step < model.steps; ++step) {
      const feeds = { ...kept };
      model.inputs.forEach((x, i) => {
        const n = count(x.dims), part = given[i].subarray(step * n, (step + 1) * n);
        feeds[x.name] = new ort.Tensor(x.type, x.type === "int64" ? BigInt64Array.from(part, BigInt) : part, x.dims);
      });
      const results = await session.run(feeds);
      for (const s of model.states) kept[s.name] = results[s.name + "_next"];
      model.outputs.forEach((y, i) => written[i].push(...Array.from(results[y.name].data, Number)));
    }
    model.outputs.forEach((y, i) => writeFileSync(y.file, Buffer.from(new Float32Array(written[i]).buffer)));
  } catch (e) {
    console.log(`${model.file}: ${e.message ?? e}`);
    process.exitCode = 1;
  }
}
