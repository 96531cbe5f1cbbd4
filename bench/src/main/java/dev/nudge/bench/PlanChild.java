package dev.nudge.bench;

import dev.nudge.nn.Machine;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.Schema;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import dev.nudge.train.Prepared;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// What `bench/plan` runs in processes of their own: `predict` plans as `./nudge plan` does,
/// `train`
/// makes the run.
///
/// Both take settings as key and value by turns and print a word and numbers a line, on which the
/// other side may stand: `tokens_per_s`, `anonymous`, `layout`, and of each step `step` with its
/// tokens/s.
public final class PlanChild {
  private PlanChild() {}

  public static void main(String[] args) {
    Clock clock = Clock.valueOf(args[1].toUpperCase(java.util.Locale.ROOT));
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 2; i < args.length; i += 2) {
      values.put(args[i], args[i + 1]);
    }
    int processors = Runtime.getRuntime().availableProcessors();
    Machine machine =
        new Machine(processors, 1L << 40, Machines.cache().resolve("natives"), "bench");
    if (args[0].equals("predict")) {
      predict(known(PlanSettings.class, values), machine, clock);
    } else {
      train(known(TrainSettings.class, values), machine, clock);
    }
  }

  private static <S extends Record> S known(Class<S> type, Map<String, Object> values) {
    Schema<S> schema = Schema.of(type);
    Set<String> keys =
        schema.knobs().stream().map(k -> k.key()).collect(Collectors.toCollection(TreeSet::new));
    Map<String, Object> mine = new LinkedHashMap<>(values);
    mine.keySet().retainAll(keys);
    return schema.of(mine);
  }

  private static void predict(PlanSettings settings, Machine machine, Clock clock) {
    int lanes = settings.model().lanes() == null ? 1 : settings.model().lanes();
    Outlook outlook = Forecast.of(settings, machine, () -> (long) (1e9 * clock.lanes(lanes)));
    Outlook.Pace pace = outlook.pace();
    print("fits", outlook.fits() ? 1 : 0);
    print("anonymous", outlook.plan().totalBytes());
    print("runtime", outlook.plan().footprint().runtime());
    print("tokens_per_s", pace == null ? Double.NaN : pace.tokensPerSecond());
    print("layer_gflops", pace == null ? Double.NaN : pace.rates().layers());
    print("head_gflops", pace == null ? Double.NaN : pace.rates().head());
    print("products", pace == null ? Double.NaN : pace.rates().products());
    System.out.println("layout " + layout(outlook.plan()));
  }

  private static void train(TrainSettings settings, Machine machine, Clock clock) {
    Prepared prepared = Training.prepare(settings, machine);
    System.out.println("layout " + layout(prepared.plan()));
    int lanes = prepared.plan().lanes();
    double[] before = {clock.lanes(lanes)};
    Training.run(
        prepared,
        event -> {
          if (event instanceof TrainEvent.Step s) {
            double now = clock.lanes(lanes);
            double seconds = clock == Clock.WALL ? s.seconds() : now - before[0];
            print("step", s.tokens() / seconds);
            before[0] = clock.lanes(lanes);
          }
        },
        () -> false);
  }

  private static String layout(dev.nudge.plan.Plan plan) {
    return List.of(
            plan.lanes(), plan.microBatchTokens(), plan.longest(), plan.values().get("recompute"))
        .toString();
  }

  private static void print(String name, double value) {
    System.out.println(name + " " + value);
  }
}
