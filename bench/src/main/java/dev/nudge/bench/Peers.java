package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.EqualRows;
import dev.nudge.bench.measure.FinishedRows;
import dev.nudge.bench.measure.LossChart;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.PeerEnvironment;
import dev.nudge.bench.measure.PeerSetting;
import dev.nudge.bench.measure.PeersPage;
import dev.nudge.bench.measure.Side;
import dev.nudge.bench.measure.Sides;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Trains with the peer (TRL, PEFT, bitsandbytes) and with `./nudge train` on equal work, side by
/// side.
///
///     bench/peers --length 1024
///     bench/peers --work banking77
///
/// It runs every setting of the peer once, each process in a memory cgroup; then rounds of the best
/// two and nudge in turns; then one run of each for the curves. The ratio compares medians of one
/// call's rounds. Finished rows are saved: the same command resumes after interruption.
final class Peers {
  private static final Map<Integer, Integer> FLAT_TOKENS = Map.of(256, 2048); // else 4,096 a step
  private static final String SCAN = "once";
  private static final int BANKING_BATCH = 16;
  private static final int BANKING_LONGEST = 512;

  private final BenchFlags flags;
  private final Sides sides;
  private final FinishedRows journal;
  private final boolean banking;
  private final String method;
  private final double padding; // the peer's, in counted steps
  private final int warmAnd; // the first step and the counted ones

  private Peers(BenchFlags flags, Sides sides, FinishedRows journal, double padding) {
    this.padding = padding;
    this.flags = flags;
    this.sides = sides;
    this.journal = journal;
    this.banking = flags.text("work").equals("banking77");
    this.method = flags.text("method");
    this.warmAnd = steps(flags) + 1;
  }

  public static void main(String[] args) throws Exception {
    BenchFlags flags =
        BenchFlags.parse(
            "bench/peers",
            args,
            "--work flat|banking77 --length 256 --batch 0 --method qlora|lora --rounds 5"
                + " --steps 0 --scan-steps 0 --curve-steps 20 --settings all|sdpa-bf16"
                + " --beside 1 --limit-gib 20.0 --model … --data … --peers … --env … --ours …"
                + " --out …");
    Path home = Machines.home();
    Path peers = flags.path("peers", PeerEnvironment.beside(home));
    Path shared = peers.toAbsolutePath().normalize().resolveSibling("");
    PeerEnvironment environment =
        PeerEnvironment.of(peers, flags.path("env", Machines.cache().resolve("peers")));
    Path model = flags.path("model", PeerEnvironment.model(peers));
    Path data = flags.path("data", shared.resolve("data"));
    boolean banking = flags.text("work").equals("banking77");
    int length = banking ? BANKING_LONGEST : flags.whole("length");
    int batch =
        flags.whole("batch") > 0
            ? flags.whole("batch")
            : banking
                ? BANKING_BATCH
                : Math.max(1, FLAT_TOKENS.getOrDefault(length, 4096) / length);
    String name = (banking ? "banking77" : "flat-" + length) + "-" + flags.text("method");
    Path out = flags.path("out", Machines.cache().resolve("results"));
    Path scratch = Files.createTempDirectory("nudge-peers");
    Path rows = scratch.resolve("rows.jsonl");
    int most = 1 + Math.max(flags.whole("curve-steps"), steps(flags) + 1);
    if (banking) {
      EqualRows.banking(
          data.resolve("finance-banking77").resolve("train.jsonl"), batch * most, rows);
    } else {
      EqualRows.flat(
          data.resolve("medical-medquad").resolve("train.jsonl"),
          "answer",
          Tokenizer.load(model),
          length,
          batch * most,
          rows);
    }
    double padding = EqualRows.padding(rows, Tokenizer.load(model), batch, steps(flags) + 1);
    FinishedRows journal =
        FinishedRows.open(
            out.resolve("peers-" + name + ".jsonl"),
            String.join(" ", args),
            Machines.commit(),
            Machines.boot());
    Sides sides =
        new Sides(
            environment,
            model.toAbsolutePath(),
            rows,
            batch,
            length,
            (long) (flags.real("limit-gib") * (1L << 30)),
            scratch);
    PeersPage.say("%s", Machines.line());
    PeersPage.say("peer: %s", environment.versions());
    PeersPage.say(
        "call %s%s, finished rows in %s",
        journal.call(),
        journal.resumedRows() > 0 ? ", " + journal.resumedRows() + " rows finished before" : "",
        out.resolve("peers-" + name + ".jsonl"));
    new Peers(flags, sides, journal, padding).run(name, out);
    journal.end();
  }

  /// Returns the counted steps: banking77 takes seconds a step, flat rows up to a minute.
  private static int steps(BenchFlags flags) {
    int given = flags.whole("steps");
    return given > 0 ? given : flags.text("work").equals("banking77") ? 20 : 3;
  }

  private void run(String name, Path out) {
    Map<PeerSetting, Side> scan = scan();
    List<PeerSetting> best = best(scan);
    if (best.isEmpty()) {
      PeersPage.say("no setting of the peer ran");
      return;
    }
    List<PeerSetting> turns = new ArrayList<>(best.subList(0, Math.min(2, best.size())));
    if (banking) {
      turns.add(PeerSetting.DEFAULTS);
    }
    Map<PeerSetting, List<Side>> theirs = new LinkedHashMap<>();
    List<Side> ours = new ArrayList<>();
    for (int round = 1; round <= flags.whole("rounds"); round++) {
      for (int i = 0; i < turns.size(); i++) {
        PeerSetting setting = turns.get(i);
        theirs
            .computeIfAbsent(setting, s -> new ArrayList<>())
            .add(row("round " + round, setting, method, warmAnd));
        if (i == 0) {
          ours.add(ourRow("round " + round, method, warmAnd));
        }
      }
    }
    PeersPage.table(scan, theirs, ours);
    PeersPage.factors(scan, theirs, ours, padding);
    if (flags.whole("beside") > 0 && method.equals("qlora")) {
      beside(turns.getFirst());
    }
    curves(name, out, turns.getFirst());
  }

  private Map<PeerSetting, Side> scan() {
    List<PeerSetting> all = new ArrayList<>();
    if (banking) {
      all.add(PeerSetting.DEFAULTS);
    }
    for (PeerSetting setting : PeerSetting.all()) {
      if (flags.text("settings").equals("all")
          || (setting.attention().equals("sdpa") && setting.dtype().equals("bf16"))) {
        all.add(setting);
      }
    }
    int steps =
        1 + (flags.whole("scan-steps") > 0 ? flags.whole("scan-steps") : Math.min(warmAnd - 1, 2));
    Map<PeerSetting, Side> scan = new LinkedHashMap<>();
    for (PeerSetting setting : all) {
      scan.put(setting, row(SCAN, setting, method, steps));
    }
    return scan;
  }

  /// Lists the settings that ran with the right first loss, fastest first.
  static List<PeerSetting> best(Map<PeerSetting, Side> scan) {
    double[] first =
        scan.values().stream().filter(Side::fine).mapToDouble(s -> s.losses().getFirst()).toArray();
    if (first.length == 0) {
      return List.of();
    }
    double middle = TrainingSteps.median(first);
    return scan.entrySet().stream()
        .filter(e -> !e.getKey().defaults() && right(e.getValue(), middle))
        .sorted(Comparator.comparing(e -> -e.getValue().median()))
        .map(Map.Entry::getKey)
        .toList();
  }

  private static boolean right(Side side, double loss) {
    return side.fine() && Math.abs(side.losses().getFirst() - loss) <= 0.02 * loss;
  }

  private Side row(String turn, PeerSetting setting, String how, int steps) {
    String name = turn + ", peer, " + how + ", " + setting.label();
    return told(name, () -> sides.peer(how, setting, steps));
  }

  private Side ourRow(String turn, String how, int steps) {
    List<String> more = flags.given("ours") ? List.of(flags.text("ours").split(" ")) : List.of();
    return told(turn + ", nudge, " + how, () -> sides.ours(how, steps, more));
  }

  private interface Made {
    Side side();
  }

  private Side told(String name, Made made) {
    double load = Machines.load();
    Side side =
        Side.of(
            journal.row(
                name,
                () -> {
                  Side fresh = made.side();
                  if (!fresh.fine() && !fresh.tooLarge() && !name.startsWith(SCAN)) {
                    throw new IllegalStateException(name + ": " + fresh.failure());
                  }
                  return fresh.values();
                }));
    PeersPage.say(
        "%-60s %s, load before %.2f",
        name,
        side.fine()
            ? String.format(
                Locale.ROOT,
                "%.1f tokens/s, loss %.4f to %.4f",
                side.median(),
                side.losses().getFirst(),
                side.losses().getLast())
            : side.failure(),
        load);
    return side;
  }

  private void beside(PeerSetting setting) {
    List<Side> theirs = new ArrayList<>();
    List<Side> ours = new ArrayList<>();
    for (int round = 1; round <= flags.whole("rounds"); round++) {
      theirs.add(row("round " + round, setting, "lora", warmAnd));
      ours.add(ourRow("round " + round, "lora", warmAnd));
    }
    PeersPage.lora(setting, ours, theirs);
  }

  private void curves(String name, Path out, PeerSetting setting) {
    int steps = flags.whole("curve-steps");
    if (steps == 0) {
      return;
    }
    Side peer = row("curve", setting, method, steps);
    Side our = ourRow("curve", method, steps);
    if (!peer.fine() || !our.fine()) {
      return;
    }
    Map<String, List<Double>> curves = new LinkedHashMap<>();
    curves.put("nudge", our.losses());
    curves.put("peer, " + setting.label(), peer.losses());
    Path svg = out.resolve("peers-" + name + ".svg");
    LossChart.write(svg, "Loss of " + steps + " steps, " + name, curves);
    double sum = 0;
    double worst = 0;
    for (int i = 0; i < steps; i++) {
      double off = Math.abs(our.losses().get(i) - peer.losses().get(i)) / peer.losses().get(i);
      sum += off;
      worst = Math.max(worst, off);
    }
    PeersPage.say("");
    PeersPage.say(
        "loss over %d steps: nudge %.4f to %.4f, peer %.4f to %.4f; apart by %.2f %% in the mean,"
            + " %.2f %% at most (adapters begin from different random A); drawn in %s",
        steps,
        our.losses().getFirst(),
        our.losses().getLast(),
        peer.losses().getFirst(),
        peer.losses().getLast(),
        100 * sum / steps,
        100 * worst,
        svg);
  }
}
