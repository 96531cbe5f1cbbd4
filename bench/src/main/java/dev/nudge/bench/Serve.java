package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.HttpClients;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.ServerProcess;
import dev.nudge.model.family.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/// Measures `nudge serve` over HTTP: concurrent streams, also against llama.cpp's server, several
/// adapters in a step, a thousand registered adapters, the first token of an unloaded adapter, and
/// the second question on a long document.
///
///     bench/serve --model DIR [--quantize nf4] [--parts streams,adapters,thousand,load,prefix]
///         [--peer llama-server --gguf FILE] [--rounds 3] [--tokens 64]
final class Serve {
  private static final String PARTS = "streams,adapters,thousand,load,prefix";
  private static final int CONTEXT = 4096;
  static final int PROMPT_WORDS = 12;
  private static final int DOCUMENT_WORDS =
      750; // of four letters: about 2,000 tokens
  private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz";

  private static final String FLAGS =
      "--model … --quantize none|nf4 --parts "
          + PARTS
          + " --peer … --gguf … --rounds 3 --tokens 64 --rank 16 --registered 1000"
          + " --requests 64 --dir "
          + System.getProperty("java.io.tmpdir");

  private final BenchFlags flags;
  private final Random random = new Random(1);

  private Serve(BenchFlags flags) {
    this.flags = flags;
  }

  /// Creates a bench with these flags, for another bench.
  static Serve of(String... flags) {
    return new Serve(BenchFlags.of("bench/serve", flags, FLAGS));
  }

  public static void main(String[] args) throws Exception {
    BenchFlags flags = BenchFlags.parse("bench/serve", args, FLAGS);
    if (flags.text("model").isEmpty()) {
      System.err.println("bench/serve: --model is missing; give a model folder");
      System.exit(2);
    }
    System.out.println(Machines.line());
    System.out.printf("%s, %s%n", flags.text("model"), flags.text("quantize"));
    Serve serve = new Serve(flags);
    for (String part : flags.text("parts").split(",")) {
      switch (part) {
        case "streams" -> serve.streams();
        case "adapters" -> serve.adapters();
        case "thousand" -> serve.thousand();
        case "load" -> serve.load();
        case "prefix" -> serve.prefix();
        default ->
            throw new IllegalArgumentException("there is no part " + part + "; known: " + PARTS);
      }
    }
  }

  ServerProcess server(String... more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--model",
                flags.text("model"),
                "--served-model-name",
                "base",
                "--quantize",
                flags.text("quantize"),
                "--registry",
                registry().toString()));
    all.addAll(List.of(more));
    return ServerProcess.nudge(all);
  }

  private Path registry() {
    return place("registry");
  }

  /// A folder by model and rank.
  private Path place(String what) {
    Path model = Path.of(flags.text("model")).toAbsolutePath().normalize();
    return Path.of(flags.text("dir"))
        .resolve("nudge-bench-" + what + "-" + model.getFileName() + "-" + flags.whole("rank"));
  }

  private void register(int count) throws IOException {
    Path one = place("adapter");
    Files.createDirectories(registry().getParent());
    ModelConfig config = ModelConfig.load(Path.of(flags.text("model")));
    ManyAdapters.make(registry(), one, config, flags.whole("rank"), count);
  }

  /// Returns new random words, so that the prefix cache has no hit.
  String words(int count) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append(i == 0 ? "" : " ");
      for (int j = 0; j < 4; j++) {
        text.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
      }
    }
    return text.toString();
  }

  private HttpClients.Ask ask(String model) {
    return new HttpClients.Ask(model, words(PROMPT_WORDS), flags.whole("tokens"));
  }

  /// Returns the tokens a second of concurrent streams, one question each, prompts included.
  double rate(HttpClients clients, List<String> models) throws Exception {
    List<HttpClients.Ask> asks = models.stream().map(this::ask).toList();
    return rate(clients, asks, models.size());
  }

  private static double rate(HttpClients clients, List<HttpClients.Ask> asks, int atOnce)
      throws Exception {
    long start = System.nanoTime();
    int tokens = clients.all(asks, atOnce).stream().mapToInt(HttpClients.Took::tokens).sum();
    return tokens / ((System.nanoTime() - start) / 1e9);
  }

  private void streams() throws Exception {
    int rounds = flags.whole("rounds");
    boolean beside = !flags.text("peer").isEmpty();
    for (int streams : new int[] {1, 4, 16}) {
      double[] ours = new double[rounds];
      double[] theirs = new double[rounds];
      try (ServerProcess server = server();
          HttpClients clients = new HttpClients(server.url());
          ServerProcess other =
              beside
                  ? ServerProcess.llama(
                      Path.of(flags.text("peer")),
                      Path.of(flags.text("gguf")),
                      streams,
                      Runtime.getRuntime().availableProcessors(),
                      512)
                  : null;
          HttpClients others = new HttpClients(other == null ? server.url() : other.url())) {
        List<String> base = repeated("base", streams);
        for (int i = 0; i < 2; i++) {
          rate(clients, base); // compiled
          if (beside) {
            rate(others, repeated("", streams));
          }
        }
        for (int i = 0; i < rounds; i++) {
          ours[i] = rate(clients, base);
          theirs[i] = beside ? rate(others, repeated("", streams)) : 0;
        }
      }
      System.out.printf(
          Locale.ROOT,
          "%d streams: %.1f tokens/s (each %s)%n",
          streams,
          Decode.median(ours),
          Decode.shown(ours));
      if (beside) {
        System.out.printf(
            Locale.ROOT,
            "  llama-server %.1f (each %s): ratio %.2f%n",
            Decode.median(theirs),
            Decode.shown(theirs),
            Decode.median(ours) / Decode.median(theirs));
      }
    }
  }

  static List<String> repeated(String model, int times) {
    return java.util.Collections.nCopies(times, model);
  }

  private void adapters() throws Exception {
    double[][] rates = adapterRates();
    System.out.printf(
        Locale.ROOT,
        "8 streams of the base: %.1f tokens/s (each %s); of 8 adapters of rank %d: %.1f (each %s):"
            + " ratio %.2f%n",
        Decode.median(rates[0]),
        Decode.shown(rates[0]),
        flags.whole("rank"),
        Decode.median(rates[1]),
        Decode.shown(rates[1]),
        Decode.median(rates[1]) / Decode.median(rates[0]));
  }

  /// Returns the tokens a second of 8 base streams and of 8 adapters, in turns.
  double[][] adapterRates() throws Exception {
    register(8);
    int rounds = flags.whole("rounds");
    double[] base = new double[rounds];
    double[] eight = new double[rounds];
    List<String> models = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      models.add("a" + i + ":1");
    }
    try (ServerProcess server = server();
        HttpClients clients = new HttpClients(server.url())) {
      for (int i = 0; i < 2; i++) {
        rate(clients, repeated("base", 8));
        rate(clients, models);
      }
      for (int i = 0; i < rounds; i++) {
        base[i] = rate(clients, repeated("base", 8));
        eight[i] = rate(clients, models);
      }
    }
    return new double[][] {base, eight};
  }

  private void thousand() throws Exception {
    int many = flags.whole("registered");
    register(many);
    int rounds = flags.whole("rounds");
    double[] few = new double[rounds];
    double[] all = new double[rounds];
    try (ServerProcess server = server();
        HttpClients clients = new HttpClients(server.url())) {
      rate(clients, drawn(8), 8);
      for (int i = 0; i < rounds; i++) {
        few[i] = rate(clients, drawn(8), 8);
        all[i] = rate(clients, drawn(many), 8);
      }
    }
    System.out.printf(
        Locale.ROOT,
        "8 streams, adapters drawn from 8: %.1f tokens/s (each %s); from %d: %.1f (each %s): ratio"
            + " %.2f%n",
        Decode.median(few),
        Decode.shown(few),
        many,
        Decode.median(all),
        Decode.shown(all),
        Decode.median(all) / Decode.median(few));
  }

  private List<HttpClients.Ask> drawn(int from) {
    List<HttpClients.Ask> asks = new ArrayList<>();
    for (int i = 0; i < flags.whole("requests"); i++) {
      asks.add(ask("a" + random.nextInt(from) + ":1"));
    }
    return asks;
  }

  private void load() throws Exception {
    int count = 16;
    register(count);
    double[] base = new double[count];
    double[] cold = new double[count];
    double[] warm = new double[count];
    try (ServerProcess server = server();
        HttpClients clients = new HttpClients(server.url())) {
      rate(clients, repeated("base", 4));
      for (int i = 0; i < count; i++) {
        base[i] = 1000 * clients.one(ask("base")).first();
        cold[i] = 1000 * clients.one(ask("a" + i + ":1")).first();
        warm[i] = 1000 * clients.one(ask("a" + i + ":1")).first();
      }
    }
    System.out.printf(
        Locale.ROOT,
        "first token of the base: %.1f ms; of an adapter that is not loaded: %.1f ms, loaded: %.1f"
            + " ms (medians of %d)%n",
        Decode.median(base),
        Decode.median(cold),
        Decode.median(warm),
        count);
  }

  private void prefix() throws Exception {
    int rounds = flags.whole("rounds") * 3;
    double[] bare = new double[rounds];
    double[] first = new double[rounds];
    double[] second = new double[rounds];
    try (ServerProcess server = server("--max-model-len", "" + CONTEXT);
        HttpClients clients = new HttpClients(server.url())) {
      rate(clients, repeated("base", 2));
      for (int i = 0; i < rounds; i++) {
        String document = words(DOCUMENT_WORDS);
        first[i] = clients.one(after(document)).last();
        second[i] = clients.one(after(document)).last();
        bare[i] = clients.one(after("")).last();
      }
    }
    System.out.printf(
        Locale.ROOT,
        "an answer of %d tokens on a long document: first question %.2f s, second %.2f s, without"
            + " it %.2f s: ratio %.2f (medians of %d)%n",
        flags.whole("tokens"),
        Decode.median(first),
        Decode.median(second),
        Decode.median(bare),
        Decode.median(second) / Decode.median(bare),
        rounds);
  }

  private HttpClients.Ask after(String document) {
    return new HttpClients.Ask(
        "base", document + "\n" + words(PROMPT_WORDS), flags.whole("tokens"));
  }
}
