package dev.nudge.bench;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.sweep.HeldDifference;
import dev.nudge.eval.sweep.HeldRows;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/// The files of the parity study: one a part, `NAME.json`.
///
/// Scores stand in them as a text of `0` and `1`, one a document in the order of the documents, so
/// that paired intervals are made of these files alone.
final class ParityResults {
  static final String PROCESSOR = "processor_seconds";

  /// Processor seconds of the second round that went before what the file holds: of results that
  /// gave way to it, and of calls that were cut.
  static final String EARLIER = "earlier_processor_seconds";

  /// Losses of the held-out rows, in nats, and how many tokens of each they are of.
  static final String ROW_LOSSES = "held_out_row_losses";

  static final String ROW_TOKENS = "held_out_row_tokens";

  private final Path folder;
  private final Map<ParityPart, JsonNode> results = new LinkedHashMap<>();

  private ParityResults(Path folder) {
    this.folder = folder;
  }

  /// Reads what there is.
  static ParityResults read(Path folder) {
    ParityResults read = new ParityResults(folder);
    for (ParityPart part : ParityPart.all()) {
      Path file = read.file(part);
      if (Files.exists(file)) {
        read.results.put(part, Json.read(file));
      }
    }
    return read;
  }

  private Path file(ParityPart part) {
    return folder.resolve(part.name() + ".json");
  }

  /// Keeps the result of a part, and the processor seconds of the one that gives way to it.
  void put(ParityPart part, Map<String, ?> values) {
    Map<String, Object> all = new LinkedHashMap<>(values);
    double earlier = number(Json.tree(values), EARLIER);
    if (has(part)) {
      earlier += number(of(part), PROCESSOR) + number(of(part), EARLIER);
    }
    if (earlier > 0) {
      all.put(EARLIER, earlier);
    }
    OutFolder.make(folder);
    OutFolder.place(file(part), Json.indented(all) + "\n");
    results.put(part, Json.tree(all));
  }

  private static double number(JsonNode result, String key) {
    JsonNode value = result.path(key);
    return value.isNumber() ? value.asDouble() : 0;
  }

  boolean has(ParityPart part) {
    return results.containsKey(part);
  }

  /// Parts that have a file, in their order.
  List<ParityPart> done() {
    return ParityPart.all().stream().filter(results::containsKey).toList();
  }

  /// Parts that have none, or one of other settings than are chosen now.
  List<ParityPart> missing() {
    return ParityPart.all().stream().filter(this::isMissing).toList();
  }

  /// Whether a part has no file, or one of other settings than are chosen now.
  boolean isMissing(ParityPart part) {
    return !has(part) || isOld(part);
  }

  /// What a part trains with.
  record Choice(double rate, ParityLoop loop) {}

  /// The rate and the loop of a part; empty where its pilots are not all done, or all diverged.
  Optional<Choice> choice(ParityPart part) {
    if (!part.method().trains() || part.kind() == ParityPart.Kind.PILOT) {
      return Optional.of(new Choice(part.rate(), part.loop()));
    }
    ParityLoop loop = part.isRun() ? loop(part.domain(), part.method()) : part.loop();
    return best(part.domain(), part.method()).map(pilot -> new Choice(pilot.rate(), loop));
  }

  /// The loop that ended with the lowest held-out loss, if that is shown to be lower than the
  /// plan's; else the plan, also until all are tried.
  ParityLoop loop(ParityDomain domain, ParityMethod method) {
    List<ParityPart> loops = ParityPart.loops(domain, method);
    if (loops.stream().anyMatch(this::isMissing)) {
      return ParityLoop.PLAN;
    }
    ParityPart best = lowest(loops);
    boolean unknown = !Double.isFinite(heldOut(loops.getFirst())); // the plan diverged
    return unknown || abovePlan(best).filter(d -> d.interval().high() < 0).isPresent()
        ? best.loop()
        : ParityLoop.PLAN;
  }

  /// The loop with the lowest held-out loss; all must be of the same rows.
  ParityPart lowest(List<ParityPart> loops) {
    List.of("train", "unseen", "base").forEach(digest -> same(loops, digest));
    return loops.stream().min(Comparator.comparingDouble(this::heldOut)).orElseThrow();
  }

  /// How far a loop's held-out loss is above the plan's, paired by rows; empty where one of the two
  /// has none of its rows.
  Optional<HeldDifference> abovePlan(ParityPart loop) {
    ParityPart plan = ParityPart.loops(loop.domain(), loop.method()).getFirst();
    return hasRows(loop) && hasRows(plan)
        ? Optional.ofNullable(rows(loop).minus(rows(plan)))
        : Optional.empty();
  }

  private boolean hasRows(ParityPart loop) {
    return has(loop) && of(loop).has(ROW_LOSSES);
  }

  private HeldRows rows(ParityPart loop) {
    return HeldRows.of(
        of(loop).path(ROW_TOKENS).valueStream().mapToInt(JsonNode::asInt).toArray(),
        of(loop).path(ROW_LOSSES).valueStream().mapToDouble(JsonNode::asDouble).toArray());
  }

  /// Whether a loop is to be compared by rows that its file lacks: the plan, and what is lower.
  private boolean lacksRows(ParityPart part) {
    if (part.kind() != ParityPart.Kind.TUNE || hasRows(part) || !Double.isFinite(heldOut(part))) {
      return false;
    }
    ParityPart plan = ParityPart.loops(part.domain(), part.method()).getFirst();
    return part.equals(plan)
        || has(plan) && Double.isFinite(heldOut(plan)) && heldOut(part) < heldOut(plan);
  }

  /// Whether a part was done with other settings than are chosen now.
  boolean isOld(ParityPart part) {
    JsonNode result = of(part);
    if (lacksRows(part)) {
      return true;
    }
    return part.kind() != ParityPart.Kind.PILOT
        && result.path("rate").isNumber()
        && choice(part)
            .map(
                c ->
                    c.rate() != result.path("rate").asDouble()
                        || c.loop().epochs(part.domain()) != result.path("epochs").asDouble()
                        || c.loop().warmup()
                            != result.path("warmup").asDouble(ParityLoop.PLAN.warmup()))
            .orElse(false);
  }

  JsonNode of(ParityPart part) {
    JsonNode result = results.get(part);
    if (result == null) {
      throw new IllegalStateException(part.name() + " is not done");
    }
    return result;
  }

  /// Seconds of a part on two cores: processor seconds by two, where its file has them, else wall
  /// time of machines that were not always quiet.
  double seconds(ParityPart part) {
    JsonNode processor = of(part).path(PROCESSOR);
    return processor.isNumber() ? processor.asDouble() / 2 : of(part).path("seconds").asDouble();
  }

  /// Seconds of all parts of a round together, in the second with [#EARLIER]; parts of the first
  /// have no processor seconds.
  double seconds(boolean second) {
    double sum =
        done().stream()
            .filter(p -> of(p).path(PROCESSOR).isNumber() == second)
            .mapToDouble(this::seconds)
            .sum();
    return second ? sum + done().stream().mapToDouble(p -> number(of(p), EARLIER)).sum() / 2 : sum;
  }

  /// The rate with the lowest held-out loss; empty where a pilot is not done yet, or all diverged.
  Optional<ParityPart> best(ParityDomain domain, ParityMethod method) {
    return ParityPart.pilots(domain, method).stream().allMatch(this::has)
        ? bestSoFar(domain, method)
        : Optional.empty();
  }

  /// The rate with the lowest held-out loss of those that are done; empty where none is, or all
  /// diverged. No run is trained with it while others are missing.
  Optional<ParityPart> bestSoFar(ParityDomain domain, ParityMethod method) {
    List<ParityPart> pilots = piloted(domain, method);
    List.of("pilot", "held", "base").forEach(digest -> same(pilots, digest));
    return pilots.stream()
        .filter(pilot -> Double.isFinite(heldOut(pilot)))
        .min(Comparator.comparingDouble(this::heldOut));
  }

  /// The pilots of a method that are done, by rate.
  List<ParityPart> piloted(ParityDomain domain, ParityMethod method) {
    return ParityPart.pilots(domain, method).stream().filter(this::has).toList();
  }

  /// Checks that parts have the same digest of something, where they have one.
  ///
  /// @throws IllegalStateException where two have not
  void same(List<ParityPart> parts, String digest) {
    ParityPart first = null;
    for (ParityPart part : parts) {
      if (digest(part, digest).isEmpty()) {
        continue; // the base has no run that tells it
      }
      if (first != null && !digest(part, digest).equals(digest(first, digest))) {
        throw new IllegalStateException(
            "%s and %s have other %s (digest %s): remove the file of one and do it again"
                .formatted(
                    first.name(),
                    part.name(),
                    digest.equals("base") ? "weights to begin from" : "rows",
                    digest));
      }
      first = first == null ? part : first;
    }
  }

  private String digest(ParityPart part, String name) {
    return of(part).path("digests").path(name).asString("");
  }

  /// The held-out loss that a pilot is judged by, its lowest, or one to find a loop, its last;
  /// infinite where it diverged, so that it has none.
  double heldOut(ParityPart pilot) {
    JsonNode loss = of(pilot).path("held_out_loss");
    return loss.isNumber() ? loss.asDouble() : Double.POSITIVE_INFINITY;
  }

  /// The runs of a method that are done, by seed; the base is one. Those of other settings than are
  /// chosen now count while there are no others.
  List<ParityPart> runs(ParityDomain domain, ParityMethod method) {
    List<ParityPart> all =
        done().stream()
            .filter(p -> p.isRun() || p.kind() == ParityPart.Kind.BASE)
            .filter(p -> p.domain().equals(domain) && p.method() == method)
            .toList();
    List<ParityPart> now = all.stream().filter(p -> !isOld(p)).toList();
    return now.isEmpty() ? all : now;
  }

  /// Scores of documents, 0 or 1.
  ///
  /// @param key the part's own: `scores`, or a task of retention
  static double[] scores(JsonNode result, String key) {
    String digits =
        key.equals("scores")
            ? result.path(key).asString("")
            : result.path("retention").path(key).path("scores").asString("");
    return digits.chars().mapToDouble(c -> c - '0').toArray();
  }

  /// The number of each document's cluster; each has its own where the part names none.
  int[] clusters(ParityPart part, String key, int documents) {
    JsonNode clusters = of(part).path("clusters");
    if (!key.equals("scores") || clusters.isMissingNode()) {
      return Bootstrap.alone(documents);
    }
    int[] all = clusters.valueStream().mapToInt(JsonNode::asInt).toArray();
    if (all.length != documents) {
      throw new IllegalStateException(
          "%s has clusters of %d documents and scores of %d; do it again"
              .formatted(part.name(), all.length, documents));
    }
    return all;
  }

  /// The mean over documents and runs.
  double score(List<ParityPart> runs, String key) {
    return Arrays.stream(mean(runs, key)).average().orElseThrow();
  }

  /// The mean of each document over runs.
  double[] mean(List<ParityPart> runs, String key) {
    double[][] each = runs.stream().map(p -> scores(of(p), key)).toArray(double[][]::new);
    int documents = each[0].length;
    for (int i = 0; i < each.length; i++) {
      if (each[i].length != documents) {
        throw new IllegalStateException(
            "%s has %d documents and %s has %d: they are of different rows; remove one of the files"
                .formatted(runs.get(0).name(), documents, runs.get(i).name(), each[i].length));
      }
    }
    return IntStream.range(0, documents)
        .mapToDouble(d -> Arrays.stream(each).mapToDouble(run -> run[d]).average().orElseThrow())
        .toArray();
  }

  /// The median of a figure over runs, of those that the first one's machine did.
  double median(List<ParityPart> runs, ToDoubleFunction<JsonNode> figure) {
    JsonNode machine = of(runs.getFirst()).path("machine");
    return TrainingSteps.median(
        runs.stream()
            .map(this::of)
            .filter(run -> run.path("machine").equals(machine))
            .mapToDouble(figure)
            .toArray());
  }

  /// Bits a byte of the texts of retention.
  double bits(ParityPart part) {
    return of(part).path("retention").path(ParityRun.TEXT).path("score").asDouble();
  }

  /// The rates of runs, such as `3e-3`; empty where they have none. Seeds have one rate, unless
  /// pilots were done again in between.
  String rates(List<ParityPart> runs) {
    return runs.stream()
        .map(p -> of(p).path("rate"))
        .filter(JsonNode::isNumber)
        .map(r -> ParityMethod.written(r.asDouble()))
        .distinct()
        .collect(Collectors.joining(" and "));
  }
}
