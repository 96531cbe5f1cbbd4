package dev.nudge.bench;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/// Does one part of the parity study: `./nudge train`, then `./nudge eval`, each a process of its
/// own.
///
/// What was cut goes on: the run's folder is resumed and answers are kept. Weights are deleted once
/// they are evaluated.
///
/// @param model the model that is trained
/// @param data the folder of the data sets
/// @param work where rows, runs and answers lie; not committed
record ParityRun(Path model, Path data, Path work) {
  static final String KNOWLEDGE = "retention_knowledge";
  static final String INSTRUCTIONS = "retention_instructions";
  static final String TEXT = "retention_text";

  /// Tasks of the pack that every part answers; the pack has got more since the first parts.
  private static final String RETAINED = String.join(",", KNOWLEDGE, INSTRUCTIONS, TEXT);

  private static final String INSTRUCTED = "prompt_level_strict_acc";
  private static final String BITS = "bits_per_byte";
  private static final double TICKS = 100; // a second
  private static final int MOST_SKIPPED = 10; // in a row, and `train` ends

  /// Does a part.
  ///
  /// @param choice of its training; of no meaning for the base
  /// @return what its file holds
  Map<String, Object> run(ParityPart part, ParityResults.Choice choice) {
    ParityDomain domain = part.domain();
    long start = System.nanoTime();
    double processor = processor();
    ParityRows rows = ParityRows.write(domain, data, work.resolve("data"));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("part", part.name());
    values.put("model", model.getFileName().toString());
    values.put("task", domain.task());
    values.put("method", part.method().id());
    values.put("seed", part.seed());
    Path out = work.resolve("runs").resolve(part.name());
    double earlier = 0; // seconds of a call that was cut
    if (part.method().trains()) {
      values.put("rate", choice.rate());
      values.put("rank", part.method().rank());
      values.put("targets", part.method().targets());
      values.put("batch", domain.batch());
      values.put("warmup", choice.loop().warmup());
      long trained = System.nanoTime();
      Child.Ran ran = Child.run(train(part, choice, rows, out), work, 0);
      if (!ended(part, out, ran.exit())) {
        ran.orThrow();
      }
      JsonNode run = NudgeCommand.record(out);
      trained(values, run, ran);
      values.putAll(judged(part, out, ran.exit()));
      if (part.kind() == ParityPart.Kind.TUNE && values.containsKey("held_out_loss")) {
        Path last = out.resolve(RunFiles.LAST); // if the best adapter is an earlier one
        values.putAll(rowLosses(part, Files.isDirectory(last) ? last : out, rows));
        checkRows(part, values);
      }
      double all = run.path("totals").path("seconds").asDouble();
      earlier = Math.max(0, all - (System.nanoTime() - trained) / 1e9);
    }
    if (part.isRun() || part.kind() == ParityPart.Kind.BASE) {
      long evaluated = System.nanoTime();
      evaluate(part, out, values);
      values.put("eval_seconds", rounded((System.nanoTime() - evaluated) / 1e9));
    }
    delete(out);
    values.put("seconds", rounded(earlier + (System.nanoTime() - start) / 1e9));
    values.put(ParityResults.PROCESSOR, rounded(processor() - processor));
    if (earlier > 0) {
      values.put(ParityResults.EARLIER, rounded(2 * earlier)); // at most: two cores
    }
    values.put("digests", digests(part, rows, values));
    values.put("date", LocalDate.now().toString());
    values.put("commit", commit());
    values.put("machine", Machines.processor());
    return values;
  }

  private List<String> train(
      ParityPart part, ParityResults.Choice choice, ParityRows rows, Path out) {
    ParityDomain domain = part.domain();
    boolean pilot = part.kind() == ParityPart.Kind.PILOT;
    ParityLoop loop = pilot ? ParityLoop.LONGER : choice.loop();
    List<String> flags = new ArrayList<>();
    flags.addAll(List.of("--model", model.toString(), "--out", out.toString()));
    flags.addAll(List.of("--data", rows.file(pilot ? "pilot" : "train").toString()));
    flags.addAll(List.of("--prompt", domain.prompt(), "--completion", domain.completion()));
    flags.addAll(loop.flags(domain));
    flags.addAll(List.of("--batch-size", Integer.toString(domain.batch())));
    flags.addAll(List.of("--learning-rate", Double.toString(choice.rate())));
    flags.addAll(List.of("--seed", Integer.toString(part.seed())));
    flags.addAll(part.method().flags());
    if (pilot) {
      int steps = Math.ceilDiv(domain.piloted(), domain.batch());
      flags.addAll(List.of("--eval-data", rows.file("held").toString()));
      flags.addAll(List.of("--eval-steps", Integer.toString(2 * steps)));
    } else if (part.kind() == ParityPart.Kind.TUNE) {
      flags.addAll(List.of("--eval-data", rows.file("unseen").toString()));
    }
    return NudgeCommand.command("train", flags);
  }

  /// Whether a training came to a result: that it diverged is one of a part that tries a setting.
  static boolean ended(ParityPart part, Path out, int exit) {
    return exit == 0 || part.isTrial() && diverged(out);
  }

  /// What a part that tries a setting is judged by; nothing where it diverged, or was not judged.
  static Map<String, Object> judged(ParityPart part, Path out, int exit) {
    JsonNode totals = NudgeCommand.record(out).path("totals");
    Map<String, Object> values = new LinkedHashMap<>();
    if (!part.isTrial() || exit != 0) {
      return values;
    }
    boolean pilot = part.kind() == ParityPart.Kind.PILOT; // else its last step counts, as of a run
    JsonNode loss = pilot ? totals.path("eval_loss_best") : lastHeldOut(out);
    if (loss.isNumber()) {
      values.put("held_out_before", totals.path("eval_loss_before").asDouble());
      values.put("held_out_loss", loss.asDouble());
      values.put("held_out_step", totals.path(pilot ? "best_step" : "steps").asLong());
    }
    return values;
  }

  /// The last held-out loss; null in its line where it was infinite, missing without a line.
  private static JsonNode lastHeldOut(Path out) {
    return lines(out.resolve(RunFiles.METRICS)).stream()
        .map(line -> line.path("eval_loss"))
        .filter(loss -> !loss.isMissingNode())
        .reduce(MissingNode.getInstance(), (before, last) -> last);
  }

  /// Whether a run ended because its numbers did.
  private static boolean diverged(Path out) {
    return Files.exists(out.resolve(RunFiles.RUN))
        && NudgeCommand.record(out).path("totals").path("skipped_steps").asInt() >= MOST_SKIPPED;
  }

  private static void trained(Map<String, Object> values, JsonNode run, Child.Ran ran) {
    JsonNode totals = run.path("totals");
    values.put("trained_parameters", run.path("trained_parameters").asLong());
    values.put("rows", run.path("data").path("rows").asInt());
    values.put("epochs", run.path("settings").path("epochs").asDouble());
    for (String key : List.of("steps", "skipped_steps", "tokens", "trained_tokens")) {
      values.put(key, totals.path(key).asLong());
    }
    values.put("train_seconds", rounded(totals.path("seconds").asDouble()));
    values.put("peak_mb", ran.peakAnon() >> 20);
    values.put("first_loss", totals.path("first_loss").asDouble());
    values.put("last_loss", totals.path("last_loss").asDouble());
    values.put("base", run.path("digests").path("base").path(0).asString(""));
  }

  private void evaluate(ParityPart part, Path trained, Map<String, Object> values) {
    ParityDomain domain = part.domain();
    boolean retained = part.kind() != ParityPart.Kind.SIDE;
    Path out = work.resolve("eval").resolve(domain.name()); // shared: the base answers once
    List<String> flags = asking(part, trained);
    flags.addAll(List.of("--tasks", domain.task() + (retained ? "," + RETAINED : "")));
    flags.addAll(List.of("--data-dir", work.resolve("data").toString(), "--out", out.toString()));
    Child.run(NudgeCommand.command("eval", flags), work, 0).orThrow();
    List<JsonNode> documents = documents(out, domain.task());
    values.put("metric", domain.metric());
    values.put("documents", documents.size());
    values.put("score", mean(documents, domain.metric()));
    values.put("scores", digits(documents, domain.metric()));
    if (!domain.cluster().isEmpty()) {
      values.put("clusters", clusters(documents, domain.cluster()));
    }
    values.put("asked", asked(out, domain.task()));
    if (retained) {
      values.put("retention", retention(out));
    }
  }

  /// Flags that say which model is asked.
  private List<String> asking(ParityPart part, Path trained) {
    List<String> flags = new ArrayList<>();
    flags.addAll(
        List.of("--model", (part.method() == ParityMethod.FULL ? trained : model).toString()));
    flags.addAll(part.method().held());
    if (part.method().adapts()) {
      flags.addAll(List.of("--adapter", trained.toString()));
    }
    return flags;
  }

  /// The loss of each held-out row, by which two parts are compared in pairs.
  private Map<String, Object> rowLosses(ParityPart part, Path trained, ParityRows rows) {
    ParityDomain domain = part.domain();
    List<String> flags = asking(part, trained);
    flags.addAll(List.of("--data", rows.file("unseen").toString(), "-q"));
    flags.addAll(List.of("--prompt", domain.prompt(), "--completion", domain.completion()));
    Child.Ran ran = Child.run(NudgeCommand.command("score", flags), work, 0);
    ran.orThrow();
    return rowLosses(ran.output());
  }

  /// Checks that the rows were scored by what the held-out loss is of.
  static void checkRows(ParityPart part, Map<String, Object> values) {
    JsonNode all = Json.tree(values);
    double nats =
        all.path(ParityResults.ROW_LOSSES).valueStream().mapToDouble(JsonNode::asDouble).sum();
    int tokens = all.path(ParityResults.ROW_TOKENS).valueStream().mapToInt(JsonNode::asInt).sum();
    double loss = all.path("held_out_loss").asDouble();
    if (!(Math.abs(nats / tokens - loss) < 0.02 * loss + 0.005)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "%s: its rows have a loss of %.4f, the run %.4f; they are not of one step",
              part.name(),
              nats / tokens,
              loss));
    }
  }

  /// The losses that `score` prints.
  static Map<String, Object> rowLosses(String output) {
    List<Double> losses = new ArrayList<>();
    List<Integer> tokens = new ArrayList<>();
    for (String line : output.lines().filter(l -> l.startsWith("{\"index\":")).toList()) {
      JsonNode row = Json.parse(line);
      losses.add(rounded(-row.path("logprob").asDouble()));
      tokens.add(row.path("tokens").asInt());
    }
    return Map.of(ParityResults.ROW_LOSSES, losses, ParityResults.ROW_TOKENS, tokens);
  }

  private static Map<String, Object> retention(Path out) {
    Map<String, Object> retention = new LinkedHashMap<>();
    retention.put(KNOWLEDGE, shares(documents(out, KNOWLEDGE), "acc"));
    retention.put(INSTRUCTIONS, shares(documents(out, INSTRUCTIONS), INSTRUCTED));
    List<Double> likelihoods = new ArrayList<>();
    List<Long> bytes = new ArrayList<>();
    for (JsonNode document : documents(out, TEXT)) {
      likelihoods.add(rounded(document.path(BITS).path(0).asDouble()));
      bytes.add(document.path(BITS).path(1).asLong());
    }
    double nats = likelihoods.stream().mapToDouble(x -> -x).sum();
    Map<String, Object> text = new LinkedHashMap<>();
    text.put("metric", BITS);
    text.put("score", nats / Math.log(2) / bytes.stream().mapToLong(b -> b).sum());
    text.put("log_likelihoods", likelihoods);
    text.put("bytes", bytes);
    retention.put(TEXT, text);
    return retention;
  }

  private static Map<String, Object> shares(List<JsonNode> documents, String metric) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("metric", metric);
    values.put("score", mean(documents, metric));
    values.put("scores", digits(documents, metric));
    return values;
  }

  private static double mean(List<JsonNode> documents, String metric) {
    return documents.stream().mapToDouble(d -> d.path(metric).asDouble()).average().orElseThrow();
  }

  private static String digits(List<JsonNode> documents, String metric) {
    StringBuilder digits = new StringBuilder();
    for (JsonNode document : documents) {
      double score = document.path(metric).asDouble(Double.NaN);
      if (score != 0 && score != 1) {
        throw new IllegalStateException(metric + " of a document is " + score + ", not 0 or 1");
      }
      digits.append((int) score);
    }
    return digits.toString();
  }

  /// The number of each document's cluster, in the order in which they come.
  static List<Integer> clusters(List<JsonNode> documents, String column) {
    Map<String, Integer> known = new LinkedHashMap<>();
    List<Integer> clusters = new ArrayList<>();
    for (JsonNode document : documents) {
      JsonNode value = document.path("doc").path(column);
      if (value.isMissingNode() || value.isNull()) {
        throw new IllegalStateException("a document has no column " + column);
      }
      clusters.add(known.computeIfAbsent(value.toString(), v -> known.size()));
    }
    return clusters;
  }

  private static List<JsonNode> documents(Path out, String task) {
    return lines(out.resolve("samples_" + task + ".jsonl"));
  }

  private static List<JsonNode> lines(Path file) {
    try {
      return Files.readAllLines(file).stream().map(Json::parse).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The digest of documents, prompts and targets: who has the same was asked the same.
  private static String asked(Path out, String task) {
    return Json.read(out.resolve("results.json")).path("task_hashes").path(task).asString("");
  }

  private static Map<String, Object> digests(
      ParityPart part, ParityRows rows, Map<String, Object> values) {
    Map<String, Object> digests = new LinkedHashMap<>();
    List<String> files =
        switch (part.kind()) {
          case PILOT -> List.of("pilot", "held");
          case TUNE -> List.of("train", "unseen");
          case BASE, RUN, SIDE -> List.of("train", "test");
        };
    files.forEach(file -> digests.put(file, rows.digest(file)));
    for (String key : List.of("asked", "base")) {
      Object value = values.remove(key);
      if (value != null) {
        digests.put(key, value);
      }
    }
    return digests;
  }

  /// The commit, marked where sources differ from it; results that are not committed do not count.
  private static String commit() {
    String head = git("rev-parse", "--short=7", "HEAD");
    if (head.isEmpty()) {
      return Machines.commit();
    }
    String changed =
        git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!*.md");
    return changed.isEmpty() ? head : head + "-dirty";
  }

  private static String git(String... words) {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(words));
    Child.Ran ran = Child.run(command, Machines.home(), 0);
    return ran.exit() == 0 ? ran.output().strip() : "";
  }

  /// Processor seconds of all programs that were run so far, as Linux counts them.
  private static double processor() {
    try {
      String stat = Files.readString(Path.of("/proc/self/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return (Long.parseLong(fields[13]) + Long.parseLong(fields[14])) / TICKS;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }

  private static void delete(Path folder) {
    try {
      OutFolder.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
