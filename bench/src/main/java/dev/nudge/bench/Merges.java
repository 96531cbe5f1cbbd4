package dev.nudge.bench;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.RandomFolder;
import dev.nudge.format.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;

/// Merges an adapter into a base in every format, and prints how far the merged folder is from base
/// + adapter, the memory and the time.
///
///     bench/merge [--model SmolLM2-135M-Instruct] [--adapter DIR] [--small no] [--large 7b]
///
/// The default adapter has rank 16 on all linear layers, B uniform in ±0.02. The large model has
/// random weights in NF4; it measures memory only.
final class Merges {
  private static final double B = 0.02;

  private Merges() {}

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/merge",
            args,
            "--model … --adapter … --small yes|no --large 7b|13b|tiny|none --dir …");
    Path dir = flags.path("dir", Machines.cache().resolve("merge"));
    Path model =
        flags.path("model", PeerEnvironment.model(PeerEnvironment.beside(Machines.home())));
    Memory.say("%s", Machines.line());
    Memory.say("");
    Memory.say(
        "| base | flags | KL, nats a token | logits, most | logits, mean | perplexity | s |"
            + " RssAnon, peak | largest tensor |");
    Memory.say("|---|---|---|---|---|---|---|---|---|");
    OutFolder.delete(dir);
    try {
      if (flags.text("small").equals("yes")) {
        small(model, flags, dir);
      }
      String large = flags.text("large");
      if (!large.equals("none")) {
        Path folder =
            RandomFolder.of(
                Machines.cache().resolve("models").resolve(large + "-nf4"),
                BenchModels.named(large),
                true);
        adapter(dir.resolve("large"), folder);
        merge(large + "-shaped, nf4, stored", folder, dir.resolve("large"), dir);
      }
    } finally {
      OutFolder.delete(dir);
    }
  }

  /// Merges into a real model in every format.
  private static void small(Path model, BenchFlags flags, Path dir) throws IOException {
    Path adapter = flags.path("adapter", dir.resolve("adapter"));
    if (Files.notExists(adapter)) {
      adapter(adapter, model);
    }
    Path f32 = stored(model, dir.resolve("f32"), Dtype.F32);
    Path f16 = stored(model, dir.resolve("f16"), Dtype.F16);
    Path nf4 = dir.resolve("nf4");
    nudge("quantize", List.of("--model", model.toString(), "--out", nf4.toString()));
    merge("bf16", model, adapter, dir);
    merge("f32", f32, adapter, dir);
    merge("f16", f16, adapter, dir);
    merge("nf4, stored", nf4, adapter, dir);
    merge("bf16", model, adapter, dir, "--quantize", "nf4");
    merge("f32", f32, adapter, dir, "--quantize", "nf4");
    merge("bf16", model, adapter, dir, "--store", "nf4");
    merge("bf16", model, adapter, dir, "--quantize", "nf4", "--store", "nf4");
  }

  private static void merge(String name, Path base, Path adapter, Path dir, String... more)
      throws IOException {
    Path out = dir.resolve("out");
    List<String> flags = new ArrayList<>(List.of("--model", base.toString()));
    flags.addAll(List.of("--adapter", adapter.toString(), "--out", out.toString()));
    flags.addAll(List.of("--tolerance", "1000", "--any-base", "--json"));
    flags.addAll(List.of(more));
    Child.Ran ran = nudge("merge", flags);
    JsonNode is = Json.parse(ran.lastLine());
    Memory.say(
        "| %s | %s | %.1e | %.1e | %.1e | %.4f → %.4f | %.1f | %s | %s |",
        name,
        String.join(" ", more),
        is.get("kl").asDouble(),
        is.get("max_logit_difference").asDouble(),
        is.get("mean_logit_difference").asDouble(),
        is.get("perplexity").asDouble(),
        is.get("merged_perplexity").asDouble(),
        ran.seconds(),
        Child.gib(ran.peakAnon()),
        Child.gib(largest(out)));
    OutFolder.delete(out);
  }

  private static Child.Ran nudge(String verb, List<String> flags) {
    List<String> quiet = new ArrayList<>(flags);
    quiet.add("-q"); // the last line is the object
    return Child.run(NudgeCommand.command(verb, quiet), Machines.home(), 0).orThrow();
  }

  private static long largest(Path folder) {
    try (WeightFile file = WeightFile.open(folder)) {
      return file.names().stream().mapToLong(n -> file.entry(n).bytes()).max().orElse(0);
    }
  }

  /// Copies a model, converting all tensors to a type.
  private static Path stored(Path model, Path to, Dtype dtype) throws IOException {
    Files.createDirectories(to);
    ModelFolder.copy(model, to);
    Files.copy(model.resolve("config.json"), to.resolve("config.json"));
    try (WeightFile file = WeightFile.open(model);
        SafeTensorsWriter writer =
            SafeTensorsWriter.create(
                to.resolve("model.safetensors"),
                file.metadata(),
                file.names().stream()
                    .map(n -> Entry.of(n, dtype, file.entry(n).dims()))
                    .toList())) {
      for (String name : file.names()) {
        try (Scope scope = Scope.open("converted")) {
          Tensor from = file.tensor(name);
          Tensor out = scope.tensor(dtype, from.shape());
          Kernels.fastest().elementwise().copy(matrix(from), matrix(out));
          writer.write(name, out);
        }
      }
    }
    return to;
  }

  private static Tensor matrix(Tensor t) {
    return t.rank() == 2 ? t : t.reshaped(1, t.elements());
  }

  private static void adapter(Path folder, Path model) {
    ModelConfig config = ModelConfig.load(model);
    try (CausalLm dry = Checkpoint.dry(config, Backend.plain(Dtype.F32), Quantization.NONE);
        Scope scope = Scope.open("adapter")) {
      Lora spec = Lora.of(16, 32, new Targets.AllLinear());
      Adapters adapter = Adapters.attach(dry.modules(), spec, 1, Dtype.F32, 0, scope);
      SplittableRandom random = new SplittableRandom(2);
      for (Parameter p : adapter.parameters()) {
        for (long i = 0; p.name().contains("lora_B") && i < p.elements(); i++) {
          p.master().put(i, B * (2 * random.nextDouble() - 1));
        }
      }
      adapter.save(folder, model.toString());
    }
  }
}
