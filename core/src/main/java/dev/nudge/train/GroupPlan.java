package dev.nudge.train;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.Bank;
import dev.nudge.model.Caches;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.plan.Plan;
import dev.nudge.plan.Planner;
import dev.nudge.tensor.Scope;
import dev.nudge.train.optimizer.AdamWOptimizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Divides runs into groups that train in the same passes and fit into memory, and plans each.
///
/// Runs of a group have the same base in the same form, compute type, lanes and threads; rows,
/// lengths, adapters, optimisers and seeds are each run's own. A plan of a group is measured as any
/// other, by a dry run of the pass through the bank of all adapters.
///
/// @param members indices of the runs
/// @param plan of one run: its own
public record GroupPlan(List<Integer> members, Plan plan) {
  public GroupPlan {
    members = List.copyOf(members);
  }

  /// Divides runs into as few groups as fit, of about the same size.
  public static List<GroupPlan> of(List<Prepared> runs) {
    Map<List<@Nullable Object>, List<Integer>> alike = new LinkedHashMap<>();
    for (int i = 0; i < runs.size(); i++) {
      Prepared run = runs.get(i);
      List<@Nullable Object> key = run.trained().joins() ? key(run) : List.of(i);
      alike.computeIfAbsent(key, _ -> new ArrayList<>()).add(i);
    }
    List<GroupPlan> groups = new ArrayList<>();
    alike.values().forEach(members -> groups.addAll(fitting(runs, members)));
    return groups;
  }

  private static List<@Nullable Object> key(Prepared run) {
    var settings = run.settings();
    return Arrays.<@Nullable Object>asList(
        settings.model().model(),
        run.assembly().quantization(),
        run.backend().name(),
        run.plan().lanes(),
        run.plan().threadsPerLane(),
        settings.memory());
  }

  private static List<GroupPlan> fitting(List<Prepared> runs, List<Integer> members) {
    for (int count = 1; count < members.size(); count++) {
      List<GroupPlan> groups = new ArrayList<>();
      int from = 0;
      for (int g = 0; g < count; g++) {
        int to = (int) ((long) members.size() * (g + 1) / count);
        List<Integer> some = members.subList(from, to);
        Planner.Fit fit = fit(some.stream().map(runs::get).toList());
        if (!fit.fits()) {
          break;
        }
        groups.add(new GroupPlan(some, fit.plan()));
        from = to;
      }
      if (groups.size() == count) {
        return groups;
      }
    }
    return members.stream().map(i -> new GroupPlan(List.of(i), runs.get(i).plan())).toList();
  }

  private static Planner.Fit fit(List<Prepared> runs) {
    Prepared first = runs.getFirst();
    if (runs.size() == 1) {
      return new Planner.Fit(first.plan(), true);
    }
    var base = first.assembly();
    try (Scope scope = Scope.measuring();
        CausalLm dry = Checkpoint.dry(base.config(), base.backend(), base.quantization(), null)) {
      Bank bank = new Bank();
      long trained = 0;
      long frozen = 0;
      long optimizer = 0;
      long step = 0;
      int rows = 0;
      int longest = 0;
      int micro = 0;
      long samples = 0;
      boolean scored = false;
      boolean branches = false;
      for (Prepared run : runs) {
        var settings = run.settings();
        Adapters adapters = Tuning.attach(dry, run.assembly(), 1, scope);
        adapters.detach();
        var _ = bank.add(adapters);
        Assembly.Rows own = run.assembly().rows(run.data(), run.held(), run.goal().objective(), 0);
        trained += adapters.count(0).trained();
        frozen += adapters.frozenBytes();
        optimizer += AdamWOptimizer.bytes(adapters.parameters(), settings.optimizer().optimizer());
        step += own.largestStep();
        rows += settings.loop().batchSize();
        longest = Math.max(longest, own.longest());
        micro = Math.max(micro, run.plan().microBatchTokens());
        samples = Math.max(samples, run.inputs().samples().bytes(dry));
        scored |= own.scored();
        branches |= run.plan().branches();
      }
      var _ = bank.put();
      Planner.Fit fit =
          Planner.fit(
              dry,
              new Planner.Request(
                  base.threads(),
                  1,
                  first.plan().lanes(),
                  rows,
                  longest,
                  step,
                  scored,
                  0,
                  base.memoryBytes(),
                  base.weights(scope).plusDense(frozen),
                  trained,
                  optimizer,
                  Caches.ALL,
                  samples,
                  branches));
      boolean whole = fit.plan().microBatchTokens() >= micro;
      boolean inMemory = fit.plan().footprint().paged() == 0; // as the runs have their optimisers
      return new Planner.Fit(fit.plan(), fit.fits() && whole && inMemory);
    }
  }
}
