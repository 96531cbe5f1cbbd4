package dev.nudge.bench;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.BenchModels;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.engine.Ticket;
import dev.nudge.format.Json;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.JoinedLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.StoredLinear;
import dev.nudge.settings.verb.Compute;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/// Measures decoding by the engine: one stream and many, with adapters, and the bytes read per
/// second against the machine's bandwidth. With `--gguf` llama.cpp decodes in turns.
///
///     bench/decode [--shape 135m | --config FOLDER | --model FOLDER] [--quantize nf4]
///         [--streams 1] [--adapters 0]
///         [--prompt 16] [--tokens 128] [--rounds 3] [--gguf FILE --python PYTHON]
final class Decode {
  /// Makes every prompt new: repeated ones would hit the prefix cache.
  private static final AtomicLong SEED = new AtomicLong();

  private static final long MOST_PROMPTS = 4L << 30; // bytes of cached packed weights

  private Decode() {}

  /// The concurrent requests.
  ///
  /// @param prompt tokens of each
  /// @param tokens generated for each
  record Load(int streams, int prompt, int tokens, int adapters) {
    private static Load of(BenchFlags flags) {
      return new Load(
          flags.whole("streams"),
          flags.whole("prompt"),
          flags.whole("tokens"),
          flags.whole("adapters"));
    }
  }

  /// Opens an engine on a model.
  static Engine engine(CausalLm model, NamedAdapters adapters, ModelConfig config, int threads) {
    long prompts = model.packed().promptBytes();
    return new Engine(
        model,
        adapters,
        new Limits(
            threads,
            4L << 30,
            config.maxPositionEmbeddings(),
            false,
            Limits.ROWS,
            0,
            prompts > MOST_PROMPTS ? 0 : prompts));
  }

  public static void main(String[] args) throws Exception {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/decode",
            args,
            "--shape "
                + BenchModels.ROOFLINE
                + " --config … --model … --compute auto|bf16|fp32 --quantize none|nf4"
                + " --streams 1 --adapters 0 --rank 16 --prompt 16 --tokens 128 --rounds 3"
                + " --threads 0 --gguf … --python python3 --dir "
                + System.getProperty("java.io.tmpdir"));
    String stored = flags.text("model"); // weights in their storage format
    String folder = stored.isEmpty() ? flags.text("config") : stored;
    String shape = folder.isEmpty() ? flags.text("shape") : folder;
    ModelConfig config =
        folder.isEmpty() ? BenchModels.named(shape) : ModelConfig.load(Path.of(folder));
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    int threads = flags.whole("threads", Runtime.getRuntime().availableProcessors());
    System.out.println(Machines.line());
    System.out.printf(
        "shape %s, %s, %s, %d threads, %d streams, %d adapters%n",
        shape,
        flags.text("quantize"),
        backend.name(),
        threads,
        flags.whole("streams"),
        flags.whole("adapters"));
    try (CausalLm model =
            stored.isEmpty()
                ? Checkpoint.random(config, backend, BenchModels.quantization(flags), 1)
                : Checkpoint.load(Path.of(stored), config, backend);
        NamedAdapters adapters = new NamedAdapters(model.modules(), backend.compute())) {
      double bytes = bytes(model);
      Path peftFolder = Path.of(flags.text("dir")).resolve("nudge-bench-decode");
      if (flags.whole("adapters") > 0) {
        Switching.adapter(peftFolder, config, flags.whole("rank"));
      }
      for (int i = 0; i < flags.whole("adapters"); i++) {
        try (PeftAdapter peft = PeftAdapter.open(peftFolder)) {
          adapters.attach("adapter " + i, peft);
        }
      }
      adapters.disable();
      try (Engine engine = engine(model, adapters, config, threads)) {
        rounds(flags, engine, config.vocabSize(), bytes, threads);
      }
    }
  }

  private static void rounds(
      BenchFlags flags, Engine engine, int vocabulary, double bytes, int threads) throws Exception {
    int rounds = flags.whole("rounds");
    double[] ours = new double[rounds];
    double[] prompts = new double[rounds];
    double[] peer = new double[rounds];
    for (int i = 0; i < 2; i++) {
      once(engine, vocabulary, Load.of(flags)); // compiled
    }
    boolean beside = !flags.text("gguf").isEmpty();
    for (int i = 0; i < rounds; i++) {
      double[] rates = once(engine, vocabulary, Load.of(flags));
      ours[i] = rates[0];
      prompts[i] = rates[1];
      peer[i] =
          beside
              ? llama(flags.text("python"), flags.text("gguf"), threads, Load.of(flags))
                  .path("decode_tokens_per_s")
                  .asDouble()
              : 0;
    }
    double bandwidth = Bandwidth.read(threads);
    double one = median(ours);
    System.out.printf(
        Locale.ROOT,
        "decoding: %.1f tokens/s in all (each %s); prompts %.0f tokens/s%n",
        one,
        shown(ours),
        median(prompts));
    if (flags.whole("streams") == 1) {
      System.out.printf(
          Locale.ROOT,
          "a token reads %.0f MB of weights: %.1f GB/s, %.0f %% of the %.1f GB/s that %d threads"
              + " read%n",
          bytes / 1e6,
          one * bytes / 1e9,
          100 * one * bytes / bandwidth,
          bandwidth / 1e9,
          threads);
    }
    if (beside) {
      System.out.printf(
          Locale.ROOT,
          "llama.cpp, %s: %.1f tokens/s in all (each %s): ratio %.2f%n",
          Path.of(flags.text("gguf")).getFileName(),
          median(peer),
          shown(peer),
          one / median(peer));
    }
  }

  /// Returns the tokens a second between each stream's first and last token, then of the prompts.
  static double[] once(Engine engine, int vocabulary, Load load) {
    int streams = load.streams;
    int tokens = load.tokens;
    int prompt = load.prompt;
    int adapters = load.adapters;
    AtomicLong first = new AtomicLong();
    long start = System.nanoTime();
    List<Ticket> tickets = new ArrayList<>();
    for (int i = 0; i < streams; i++) {
      int[] ids = new Random(SEED.getAndIncrement()).ints(prompt, 0, vocabulary).toArray();
      String adapter = adapters == 0 ? null : "adapter " + i % adapters;
      tickets.add(
          engine.submit(
              ids,
              prompt + tokens,
              adapter,
              (logits, row, all, count) -> {
                if (count == prompt) {
                  first.set(System.nanoTime()); // the last stream's
                }
                return count == prompt + tokens - 1 ? Caller.END : (count * 7919) % vocabulary;
              }));
    }
    tickets.forEach(Ticket::await);
    long end = System.nanoTime();
    return new double[] {
      streams * (tokens - 1) / ((end - first.get()) / 1e9),
      streams * prompt / ((first.get() - start) / 1e9)
    };
  }

  /// Returns the weight bytes that a token reads, of experts the chosen share.
  private static double bytes(CausalLm model) {
    double bytes = 0;
    int experts = IntStream.of(model.config().experts()).max().orElse(0);
    double chosen = (double) model.config().chosenExperts() / Math.max(1, experts);
    List<LinearSlot> slots = new ArrayList<>(model.slots());
    slots.add(model.head());
    for (LinearSlot slot : slots) {
      double share = slot.path().contains(".experts.") ? chosen : 1;
      Linear linear = slot.linear();
      for (Linear part : linear instanceof JoinedLinear j ? j.parts() : List.of(linear)) {
        SkinnyProduct.Weight few = part instanceof StoredLinear s ? s.source().few() : null;
        bytes +=
            share
                * (few == null
                    ? (double) part.in() * part.out() * model.backend().compute().bytes()
                    : few.bytes());
      }
    }
    return bytes;
  }

  /// Returns the object that `llamacpp.py` prints after one measured turn.
  static JsonNode llama(String python, String gguf, int threads, Load load) {
    Path script = Machines.home().resolve("bench/peer/llamacpp.py");
    List<String> command =
        List.of(
            python,
            script.toString(),
            gguf,
            "--threads",
            "" + threads,
            "--prompt",
            "" + load.prompt,
            "--new",
            "" + load.tokens,
            "--streams",
            "" + load.streams,
            "--repeat",
            "1");
    return Json.parse(Child.run(command, Path.of("."), 0).orThrow().lastLine());
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  static String shown(double[] values) {
    StringBuilder all = new StringBuilder();
    for (double v : values) {
      all.append(all.isEmpty() ? "" : " ").append(String.format(Locale.ROOT, "%.1f", v));
    }
    return all.toString();
  }
}
