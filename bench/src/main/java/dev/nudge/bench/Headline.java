package dev.nudge.bench;

import dev.nudge.bench.HeadlinePage.Row;
import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.EqualRows;
import dev.nudge.bench.measure.FinishedRows;
import dev.nudge.bench.measure.HttpClients;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.NudgeCommand;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.PeerSetting;
import dev.nudge.bench.measure.ServerProcess;
import dev.nudge.bench.measure.Side;
import dev.nudge.bench.measure.Sides;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Measures every figure that README shows, by the launcher of this checkout, and writes them into
/// README and `docs/benchmarks.md` with machine, date and commit.
///
///     bench/headline --env VENV [--peers DIR] [--model DIR] [--only NAME,…] [--quick yes]
///
/// Each figure is measured separately; a failure is reported and does not stop the others. Finished
/// figures are saved, so that the same command resumes after an interruption; at the end the pages
/// are written. `--quick yes` tries the program on tiny work and writes no page. Without an
/// installed peer its figures are missing, and their rows say so.
final class Headline {
  static final String NONE = "–";
  private static final String FAILED = "failed";
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final int RESUME_STEPS = 8;
  private static final int KILLED_AFTER = 5; // steps; the fourth was saved
  private static final Pattern EXACT = Pattern.compile("exact +([\\d,]+) of ([\\d,]+)");
  private static final long START = System.nanoTime();

  private final boolean quick;
  private final Path model;
  private final String modelName;
  private final Path scratch;
  private final FinishedRows journal;
  private final @Nullable PeerEnvironment peer;
  private final Path python;
  private final String llama; // its version; empty: not installed
  private final Path texts;
  private double seconds; // of all figures, earlier ones included

  /// The work of both sides for a length of rows.
  ///
  /// @param steps of a process; the first does not count
  private record Work(int length, int batch, int steps, int rounds) {}

  private interface Measure {
    Row row() throws Exception;
  }

  private Headline(
      BenchFlags flags,
      Path model,
      Path scratch,
      FinishedRows journal,
      @Nullable PeerEnvironment peer,
      Path python)
      throws IOException {
    this.quick = flags.text("quick").equals("yes");
    this.model = model;
    this.modelName = model.getFileName().toString();
    this.scratch = scratch;
    this.journal = journal;
    this.peer = peer;
    this.python = python;
    this.llama = PeerEnvironment.versions(python, List.of("llama-cpp-python"));
    this.texts = texts(Machines.home().resolve("docs"), scratch.resolve("texts.jsonl"));
  }

  public static void main(String[] args) throws Exception {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/headline", args, "--only … --quick no|yes --model … --peers … --env … --out …");
    Path home = Machines.home().toAbsolutePath().normalize();
    boolean quick = flags.text("quick").equals("yes");
    if (!quick) {
      String changed = git(home, "status", "--porcelain", "--", ".", ":!docs", ":!*.md");
      flags.check(
          changed.isEmpty(),
          "the figures name a commit, and these files differ from it; commit them first:\n"
              + changed);
    }
    String commit = git(home, "rev-parse", "--short=8", "HEAD");
    Path peers = flags.path("peers", PeerEnvironment.beside(home));
    Path theirs = PeerEnvironment.model(peers);
    Path model =
        flags.path("model", Files.isDirectory(theirs) ? theirs : home.resolve("base/model"));
    flags.check(
        Files.exists(model.resolve("config.json")),
        "--model " + model + " holds no config.json; a model folder is needed");
    Path env = flags.path("env", Machines.cache().resolve("peers"));
    PeerEnvironment peer = PeerEnvironment.there(peers, env);
    Path out = flags.path("out", Machines.cache().resolve("results"));
    FinishedRows journal =
        FinishedRows.open(
            out.resolve(quick ? "headline-quick.jsonl" : "headline.jsonl"),
            model + " " + env + " " + NudgeCommand.program(),
            commit,
            Machines.boot());
    Path scratch = Files.createTempDirectory("nudge-headline");
    boolean fine;
    try {
      fine =
          new Headline(flags, model, scratch, journal, peer, env.resolve("bin").resolve("python"))
              .run(flags, home, commit);
    } finally {
      OutFolder.delete(scratch);
    }
    System.exit(fine ? 0 : 1);
  }

  private static String git(Path home, String... args) {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(args));
    return Child.run(command, home, 0).orThrow().output().strip();
  }

  private Map<String, Measure> figures() {
    Map<String, Measure> figures = new LinkedHashMap<>();
    figures.put("qlora-256", () -> ratio("qlora-256", shortRows()));
    figures.put("qlora-1024", () -> ratio("qlora-1024", longRows()));
    figures.put("rate-1024", this::rate);
    figures.put("losses", this::losses);
    figures.put("memory", this::memory);
    figures.put("resume", this::resume);
    figures.put("server-16", () -> server("server-16", 16));
    figures.put("server-1", () -> server("server-1", 1));
    figures.put("adapters-8", this::adapters);
    figures.put("quickstart", this::quickstart);
    return figures;
  }

  /// @return false if a figure failed
  private boolean run(BenchFlags flags, Path home, String commit) throws IOException {
    Map<String, Measure> figures = figures();
    List<String> only = flags.list("only");
    flags.check(
        figures.keySet().containsAll(only),
        "--only " + String.join(",", only) + ": allowed are " + String.join(",", figures.keySet()));
    say("%s, commit %s, finished before: %d", Machines.line(), commit, journal.resumedRows());
    String machine = machine(); // the first start builds the command, outside the figures
    Map<String, Row> rows = new LinkedHashMap<>();
    figures.forEach(
        (name, measure) -> {
          if (only.isEmpty() || only.contains(name)) {
            say("%s begins", name);
            rows.put(name, kept(name, measure));
            say("%s", rows.get(name));
          }
        });
    long failed = rows.values().stream().filter(row -> row.figure().equals(FAILED)).count();
    if (quick || System.getenv("NUDGE_COMMAND") != null || !only.isEmpty()) {
      say("no page is written: a page takes all figures, of ./nudge and of full work");
      return failed == 0;
    }
    new HeadlinePage(
            machine,
            LocalDate.now(ZoneOffset.UTC).toString(),
            commit,
            modelName,
            Math.round(seconds / 60),
            List.copyOf(rows.values()))
        .write(home);
    say("written into README.md and docs/: %d figures, %d failed", rows.size(), failed);
    if (failed == 0) {
      journal.end();
    }
    return failed == 0;
  }

  /// Returns a figure's saved row, else measures the figure; failures are not saved.
  private Row kept(String name, Measure measure) {
    try {
      JsonNode kept =
          Json.tree(
              journal.row(
                  "figure " + name,
                  () -> {
                    long start = System.nanoTime();
                    Row row = unchecked(measure);
                    return Map.of("value", row, "seconds", (System.nanoTime() - start) / 1e9);
                  }));
      seconds += kept.path("seconds").asDouble();
      return Json.record(kept.path("value"), Row.class);
    } catch (RuntimeException e) {
      String why = String.valueOf(e.getMessage());
      say("%s failed: %s", name, why);
      String line = why.lines().filter(l -> !l.isBlank()).reduce((a, b) -> b).orElse("");
      return new Row(name, name, FAILED, "", line.replace('|', '/'));
    }
  }

  private static Row unchecked(Measure measure) {
    try {
      return measure.row();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  private Work shortRows() {
    return quick ? new Work(32, 2, 2, 1) : new Work(256, 8, 4, 3);
  }

  private Work longRows() {
    return quick ? new Work(64, 2, 2, 1) : new Work(1024, 4, 3, 3);
  }

  /// Measures both sides' tokens a second in turns, the peer with the fastest setting.
  ///
  /// Tries all peer settings once with short rows, the two fastest again with long rows.
  private Row ratio(String name, Work work) throws IOException {
    String what =
        "QLoRA on this processor, rows of %,d tokens: tokens/s ÷ TRL's".formatted(work.length);
    if (peer == null) {
      return new Row(name, what, NONE, "", noPeer());
    }
    List<PeerSetting> all = PeerSetting.all();
    List<PeerSetting> fastest = fastest(shortRows(), quick ? all.subList(0, 2) : all);
    if (work.length != shortRows().length) {
      fastest = fastest(work, fastest.subList(0, Math.min(2, fastest.size())));
    }
    PeerSetting setting = fastest.getFirst();
    double[] ours = new double[work.rounds];
    double[] theirs = new double[work.rounds];
    for (int i = 0; i < work.rounds; i++) {
      theirs[i] =
          side(
                  "round %d, %d, peer".formatted(i + 1, work.length),
                  () -> sides(work).peer("qlora", setting, work.steps))
              .median();
      ours[i] = ours(work, i).median();
    }
    return new Row(
        name,
        what,
        "%.2f".formatted(TrainingSteps.median(ours) / TrainingSteps.median(theirs)),
        "nudge %s; peer %s".formatted(shown(ours), shown(theirs)),
        peer.versions() + "; " + setting.label());
  }

  private List<PeerSetting> fastest(Work work, List<PeerSetting> of) {
    Map<PeerSetting, Side> once = new LinkedHashMap<>();
    for (PeerSetting setting : of) {
      String row = "once, %d, peer, %s".formatted(work.length, setting.label());
      once.put(
          setting,
          told(row, journal.row(row, () -> sides(work).peer("qlora", setting, 2).values())));
    }
    List<PeerSetting> fastest = Peers.best(once);
    if (fastest.isEmpty()) {
      throw new IllegalStateException("no setting of the peer ran");
    }
    return fastest;
  }

  private Side ours(Work work, int round) {
    return side(
        "round %d, %d, nudge".formatted(round + 1, work.length),
        () -> sides(work).ours("qlora", work.steps, List.of()));
  }

  private Side side(String row, Supplier<Side> run) {
    return told(
        row,
        journal.row(
            row,
            () -> {
              Side side = run.get();
              if (!side.fine()) {
                throw new IllegalStateException(row + ": " + side.failure());
              }
              return side.values();
            }));
  }

  private static Side told(String row, Map<String, Object> values) {
    Side side = Side.of(values);
    say("  %s: %s", row, side.fine() ? "%.1f tokens/s".formatted(side.median()) : side.failure());
    return side;
  }

  private Sides sides(Work work) {
    PeerEnvironment none = new PeerEnvironment(python, python, "");
    return new Sides(
        peer == null ? none : peer, model, rows(work), work.batch, work.length, 0, scratch);
  }

  private Path rows(Work work) {
    Path rows = scratch.resolve("rows-" + work.length + ".jsonl");
    if (!Files.exists(rows)) {
      Tokenizer tokenizer = Tokenizer.load(model);
      EqualRows.flat(texts, "answer", tokenizer, work.length, work.batch * (work.steps + 1), rows);
    }
    return rows;
  }

  private Row rate() {
    Work work = longRows();
    double[] ours = new double[work.rounds];
    Arrays.setAll(ours, i -> ours(work, i).median());
    return new Row(
        "rate-1024",
        "QLoRA on this processor, rows of %,d tokens: tokens/s".formatted(work.length),
        "%.0f tokens/s".formatted(TrainingSteps.median(ours)),
        shown(ours),
        "");
  }

  private Row losses() throws IOException {
    int steps = quick ? 3 : 20;
    String what =
        "losses of %d QLoRA steps in fp32: largest relative distance from TRL's".formatted(steps);
    if (peer == null) {
      return new Row("losses", what, NONE, "", noPeer());
    }
    Path rows = scratch.resolve("questions.jsonl");
    EqualRows.questions(texts, 300, 4 * steps, rows);
    BenchFlags flags =
        BenchFlags.of("bench/losses", new String[] {"--steps", "" + steps}, Losses.FLAGS);
    Losses losses = new Losses(flags, peer, model, scratch, rows);
    List<Double> theirs = losses.peer("fp32");
    List<Double> ours = losses.ours("fp32");
    return new Row(
        "losses",
        what,
        "%.1e".formatted(Losses.worst(ours, theirs)),
        "nudge %.5f to %.5f; peer %.5f to %.5f"
            .formatted(ours.getFirst(), ours.getLast(), theirs.getFirst(), theirs.getLast()),
        peer.versions());
  }

  /// Divides the memory that `plan` predicts by the run's peak anonymous memory.
  private Row memory() {
    Work work = longRows();
    double[] peaks = new double[work.rounds];
    Arrays.setAll(peaks, i -> ours(work, i).anon());
    List<String> flags = new ArrayList<>(List.of("--model", model.toString(), "--no-probe"));
    flags.addAll(List.of("--data", rows(work).toString(), "--json"));
    flags.addAll(List.of("--quantize", "nf4", "--rank", "" + TrainingSteps.RANK));
    flags.addAll(List.of("--batch-size", "" + work.batch, "--max-length", "" + 2 * work.length));
    JsonNode plan = Json.parse(nudge("plan", flags).orThrow().lastLine()).path("plan");
    double planned = plan.path("total_bytes").asDouble();
    double peak = Arrays.stream(peaks).max().orElseThrow();
    return new Row(
        "memory",
        "memory that `nudge plan` predicts ÷ the run's peak, QLoRA, rows of %,d tokens"
            .formatted(work.length),
        "%.2f".formatted(planned / peak),
        "planned %s; peaks %s"
            .formatted(
                Child.gib((long) planned),
                Arrays.stream(peaks)
                    .mapToObj(p -> Child.gib((long) p))
                    .collect(Collectors.joining(", "))),
        "");
  }

  /// Compares a killed and resumed run with an uninterrupted one.
  private Row resume() throws Exception {
    Path rows = scratch.resolve("resume.jsonl");
    EqualRows.questions(texts, 300, 4 * RESUME_STEPS, rows);
    Path whole = scratch.resolve("whole");
    Path cut = scratch.resolve("cut");
    Child.run(NudgeCommand.command("train", resumable(rows, whole)), scratch, 0).orThrow();
    List<String> again = NudgeCommand.command("train", resumable(rows, cut));
    Process process =
        new ProcessBuilder(again)
            .directory(scratch.toFile())
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("cut.log").toFile())
            .start();
    Path metrics = cut.resolve("metrics.jsonl");
    while (process.isAlive() && lines(metrics) < KILLED_AFTER) {
      Thread.sleep(10);
    }
    process.destroyForcibly();
    process.waitFor();
    long made = lines(metrics);
    if (made < KILLED_AFTER || made >= RESUME_STEPS) {
      throw new IllegalStateException("the run ended by itself after step " + made);
    }
    Child.Ran resumed = Child.run(again, scratch, 0).orThrow();
    boolean goesOn = resumed.output().contains("behind step");
    boolean same = Files.mismatch(whole.resolve(WEIGHTS), cut.resolve(WEIGHTS)) < 0;
    return new Row(
        "resume",
        "a run of %d steps that is killed and resumed ends with the same bytes"
            .formatted(RESUME_STEPS),
        same && goesOn ? "yes" : "no",
        "killed after step %d%s".formatted(made, goesOn ? "" : "; began anew"),
        "");
  }

  private static long lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readString(file).chars().filter(c -> c == '\n').count() : 0;
  }

  private List<String> resumable(Path rows, Path out) {
    List<String> flags = new ArrayList<>(List.of("--model", model.toString()));
    flags.addAll(List.of("--data", rows.toString(), "--out", out.toString()));
    flags.addAll(List.of("--quantize", "nf4", "--rank", "16", "--batch-size", "4"));
    flags.addAll(List.of("--save-steps", "2", "--steps", "" + RESUME_STEPS));
    return flags;
  }

  /// Measures the server over HTTP and llama.cpp's library, without HTTP, in turns; both times
  /// include the prompts.
  private Row server(String name, int streams) throws Exception {
    String what =
        "server in NF4, %s: tokens/s ÷ llama.cpp's in Q4_1"
            .formatted(streams == 1 ? "one request" : streams + " requests at once");
    if (llama.isEmpty()) {
      return new Row(name, what, NONE, "", "llama-cpp-python was not found; --env names it");
    }
    Path gguf = scratch.resolve("model.gguf");
    if (!Files.exists(gguf)) {
      String from = model.toString();
      nudge("export", List.of("--model", from, "--type", "q4_1", "--out", gguf.toString()))
          .orThrow();
    }
    int tokens = quick ? 8 : 48;
    Serve serve = serve(tokens);
    int prompt = Tokenizer.load(model).ids(serve.words(Serve.PROMPT_WORDS)).length;
    var load = new Decode.Load(streams, prompt, tokens, 0);
    double[] ours = new double[quick ? 1 : 5];
    double[] theirs = new double[ours.length];
    try (ServerProcess server = serve.server();
        HttpClients clients = new HttpClients(server.url())) {
      List<String> base = Serve.repeated("base", streams);
      for (int i = 0; i < 2; i++) {
        serve.rate(clients, base); // compiled
      }
      for (int i = 0; i < ours.length; i++) {
        ours[i] = serve.rate(clients, base);
        int threads = Runtime.getRuntime().availableProcessors();
        JsonNode other = Decode.llama(python.toString(), gguf.toString(), threads, load);
        theirs[i] =
            tokens
                / (prompt / other.path("prompt_tokens_per_s").asDouble()
                    + (tokens - 1) / other.path("decode_tokens_per_s").asDouble());
      }
    }
    return new Row(
        name,
        what,
        "%.2f".formatted(TrainingSteps.median(ours) / TrainingSteps.median(theirs)),
        "nudge %s; llama.cpp %s".formatted(shown(ours), shown(theirs)),
        llama + ", its library without HTTP");
  }

  private Serve serve(int tokens) {
    return Serve.of(
        "--model",
        model.toString(),
        "--quantize",
        "nf4",
        "--tokens",
        "" + tokens,
        "--rounds",
        quick ? "1" : "5",
        "--dir",
        scratch.toString());
  }

  private Row adapters() throws Exception {
    double[][] rates = serve(quick ? 8 : 48).adapterRates();
    return new Row(
        "adapters-8",
        "server in NF4, 8 requests at once: tokens/s with 8 adapters ÷ base alone",
        "%.2f".formatted(TrainingSteps.median(rates[1]) / TrainingSteps.median(rates[0])),
        "adapters %s; base %s".formatted(shown(rates[1]), shown(rates[0])),
        "");
  }

  private Row quickstart() {
    if (quick) {
      return new Row("quickstart", "quickstart", NONE, "", "not tried with --quick yes");
    }
    List<MatchResult> exact =
        EXACT.matcher(nudge("quickstart", List.of()).orThrow().output()).results().toList();
    return new Row(
        "quickstart",
        "quickstart, the toy model that ships and a newly trained adapter: exact answers on"
            + " held-out rows",
        "%.1f %%".formatted(100 * number(exact.get(1), 1) / number(exact.get(1), 2)),
        "%s of %s; the base alone %s of %s"
            .formatted(
                exact.get(1).group(1),
                exact.get(1).group(2),
                exact.get(0).group(1),
                exact.get(0).group(2)),
        "");
  }

  private static double number(MatchResult match, int group) {
    return Double.parseDouble(match.group(group).replace(",", ""));
  }

  private Child.Ran nudge(String verb, List<String> flags) {
    return Child.run(NudgeCommand.command(verb, flags), scratch, 0);
  }

  /// Describes the machine by `doctor`, with the processor's generation.
  private String machine() {
    JsonNode doctor = Json.parse(nudge("doctor", List.of("--json")).orThrow().lastLine());
    Map<String, String> found = new LinkedHashMap<>();
    doctor
        .path("checks")
        .forEach(c -> found.put(c.path("name").asString(), c.path("found").asString()));
    return "%s%s, %.0f GiB, computes in %s, %s"
        .formatted(
            found.get("processor"),
            Machines.generation(),
            Machines.memoryBytes() / 1073741824.0,
            doctor.path("compute").asString(),
            String.valueOf(found.get("matrix products")).split(",")[0]);
  }

  private String noPeer() {
    return "TRL, PEFT and bitsandbytes were not found; --env and --peers name them";
  }

  /// Writes the documents' paragraphs as questions and answers: training text that every checkout
  /// has.
  private static Path texts(Path docs, Path out) throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.walk(docs)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".md")).sorted().toList()) {
        for (String line : Files.readAllLines(file)) {
          if (line.length() > 200 && !line.startsWith("|")) {
            String question = line.substring(0, line.offsetByCodePoints(0, 80));
            lines.add(
                Json.line(
                    Map.of("question", question, "answer", line.substring(question.length()))));
          }
        }
      }
    }
    EqualRows.write(out, lines);
    return out;
  }

  private static String shown(double[] rates) {
    return Arrays.stream(rates).mapToObj("%.1f"::formatted).collect(Collectors.joining(", "));
  }

  private static void say(String format, @Nullable Object... values) {
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - START);
    System.out.printf(
        Locale.ROOT,
        "[%3d:%02d] %s%n",
        seconds / 60,
        seconds % 60,
        String.format(Locale.ROOT, format, values));
  }
}
