package dev.nudge.bench;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.engine.Engine;
import dev.nudge.generate.Scoring;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/// Compares the formats in which a model can be served: perplexity on rows (in fp32), weight bytes
/// on disk, memory of a serving process, its rates (one stream) in `--compute auto`, and CPU time
/// per decoded token. With `--threads 1` other work on the machine hardly changes the CPU time. The
/// formats take turns.
///
///     bench/forms --model DIR --calibration FILE --data FILE [--group 64] [--prompt 512]
///         [--tokens 64] [--rounds 3] [--dir DIR]
///
/// The user's command creates each format that `--dir` lacks.
final class Forms {
  private static final String RATES = "rates ";
  private static final int WARM = 6; // rounds until hot methods are compiled

  private final BenchFlags flags;
  private final Path dir;

  private Forms(BenchFlags flags) {
    this.flags = flags;
    this.dir = flags.path("dir", Machines.cache().resolve("forms"));
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/forms",
            args,
            "--model … --calibration … --data … --group 64 --prompt 512 --tokens 64"
                + " --rounds 3 --threads 0 --dir … --one …");
    for (String name : List.of("model", "data")) {
      flags.check(flags.given(name) || flags.given("one"), "--" + name + " is missing");
    }
    Forms forms = new Forms(flags);
    if (flags.given("one")) {
      forms.one(flags.path("one"));
    } else {
      forms.table();
    }
  }

  /// A format and its measurements.
  ///
  /// @param peaks peak resident bytes of each round
  private record Form(
      Path model,
      List<Double> decode,
      List<Double> prefill,
      List<Double> processor,
      List<Long> peaks) {
    Form(Path model) {
      this(model, new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }
  }

  private void table() throws IOException {
    Map<String, Form> forms = new LinkedHashMap<>();
    forms.put("as it is", new Form(flags.path("model")));
    forms.put("NF4", new Form(quantized("nf4", List.of())));
    List<String> rows =
        List.of("--group-size", flags.text("group"), "--calibration", flags.text("calibration"));
    forms.put("GPTQ", new Form(quantized("gptq", rows)));
    forms.put("AWQ", new Form(quantized("awq", rows)));
    forms.put("GGUF Q4_K_M", new Form(gguf()));
    System.out.println(Machines.line());
    for (int i = 0; i < flags.whole("rounds"); i++) {
      for (Form form : forms.values()) {
        measure(form);
      }
    }
    System.out.println(
        "| form | perplexity | weights, MB | memory, MiB | prefill, tokens/s | decode, tokens/s |"
            + " decode, processor ms a token |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (Map.Entry<String, Form> e : forms.entrySet()) {
      Form form = e.getValue();
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f | %.1f | %.0f | %.0f | %.1f | %.2f |%n",
          e.getKey(),
          perplexity(form.model),
          bytes(form.model) / 1e6,
          form.peaks.stream().mapToLong(peak -> peak).max().orElse(0) / 1048576.0,
          TrainingSteps.median(form.prefill),
          TrainingSteps.median(form.decode),
          TrainingSteps.median(form.processor));
    }
    System.out.printf("load at the end %.1f%n", Machines.load());
  }

  private Path quantized(String method, List<String> more) {
    List<String> all = new ArrayList<>(List.of("--method", method));
    all.addAll(more);
    return made("quantize", dir.resolve(method), all);
  }

  private Path gguf() {
    return made("export", dir.resolve("q4_k.gguf"), List.of("--to", "gguf", "--type", "q4_k"));
  }

  private Path made(String verb, Path out, List<String> more) {
    if (!Files.exists(out)) {
      List<String> all =
          new ArrayList<>(List.of("--model", flags.text("model"), "--out", out.toString()));
      all.addAll(more);
      Child.run(NudgeCommand.command(verb, all), Path.of("."), 0).orThrow();
    }
    return out;
  }

  private double perplexity(Path model) {
    ScoreSettings settings = ScoreSettings.of(model, flags.path("data")).withCompute(Compute.FP32);
    return Math.exp(Scoring.score(settings, Machine.here(), _ -> {}, _ -> {}).loss());
  }

  private static long bytes(Path model) throws IOException {
    if (Files.isRegularFile(model)) {
      return Files.size(model);
    }
    long bytes = 0;
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  /// Measures in a child process.
  private void measure(Form form) {
    List<String> args = new ArrayList<>(List.of("--one", form.model.toString()));
    for (String name : List.of("prompt", "tokens", "threads")) {
      args.addAll(List.of("--" + name, flags.text(name)));
    }
    List<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    Child.Ran ran = Child.run(Child.java(options, Forms.class, args), Path.of("."), 0).orThrow();
    String[] rates = ran.lastLine().substring(RATES.length()).split(" ", -1);
    form.decode.add(Double.valueOf(rates[0]));
    form.prefill.add(Double.valueOf(rates[1]));
    form.processor.add(Double.valueOf(rates[2]));
    form.peaks.add(ran.peakAnon() + ran.peakFile());
  }

  private void one(Path folder) {
    ModelConfig config = ModelConfig.load(folder);
    Backend backend = Backend.resolve(Compute.AUTO, Machines.cache(), config.widths());
    int threads = flags.whole("threads", Runtime.getRuntime().availableProcessors());
    Decode.Load load = new Decode.Load(1, flags.whole("prompt"), flags.whole("tokens"), 0);
    try (CausalLm model = Checkpoint.load(folder, config, backend);
        NamedAdapters adapters = new NamedAdapters(model.modules(), backend.compute());
        Engine engine = Decode.engine(model, adapters, config, threads)) {
      for (int i = 0; i < WARM; i++) {
        Decode.once(engine, config.vocabSize(), load);
      }
      double[] rates = Decode.once(engine, config.vocabSize(), load);
      Decode.Load decode = new Decode.Load(1, 1, load.tokens(), 0);
      long before = Tokens.cpuNanos();
      Decode.once(engine, config.vocabSize(), decode);
      double processor = (Tokens.cpuNanos() - before) / 1e6 / load.tokens();
      System.out.printf(Locale.ROOT, RATES + "%f %f %f%n", rates[0], rates[1], processor);
    }
  }
}
