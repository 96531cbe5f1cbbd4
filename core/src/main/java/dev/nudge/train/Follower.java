package dev.nudge.train;

import dev.nudge.collective.Collective;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.plan.Plan;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Scope;
import dev.nudge.train.lanes.GradientLanes;
import dev.nudge.train.lanes.Order;
import dev.nudge.train.optimizer.ParameterGroup;
import java.nio.file.Path;

/// A rank other than 0: a copy of the model that computes its lanes' part of each step, and follows
/// the orders of rank 0. It reads the model and writes nothing; rows come with the orders.
///
/// Weights and moments are those of rank 0 from the first step on, since sums and updates have the
/// same bits everywhere. Another model or other products, which would change bits, are refused.
///
/// Threading: confined to the thread that runs it; lanes are its own.
final class Follower {
  private final TrainSettings settings;
  private final Machine machine;
  private final Collective ranks;
  private final ModelConfig config;
  private final Quantization quantization;

  Follower(TrainSettings wanted, Machine machine) {
    Path folder = wanted.model().model();
    this.machine = machine;
    this.ranks = machine.peers();
    this.config = ModelConfig.load(folder);
    Checkpoint.check(folder, config);
    this.quantization = Quantization.resolve(wanted.model(), config);
    this.settings = Preparation.resolved(wanted, quantization, config);
  }

  /// Makes the order that starts a run.
  static Order.Start start(Prepared prepared) {
    TrainSettings settings = prepared.settings();
    return new Order.Start(
        prepared.plan(),
        prepared.backend().name() + ", " + prepared.backend().processor(),
        BaseDigest.withConfig(settings.model().model(), prepared.machine().cache()),
        adapter(settings),
        prepared.goal().objective().temperature());
  }

  private static String adapter(TrainSettings settings) {
    return String.valueOf(RunDigests.ofAdapter(settings.lora().initAdapter()));
  }

  /// Follows until rank 0 ends the run.
  ///
  /// @param loaded called once all is loaded
  void run(Runnable loaded) {
    if (!(Order.next(ranks, null) instanceof Order.Start start)) {
      throw new IllegalStateException("rank 0 begins without a start");
    }
    Backend backend = backend(start);
    check(start);
    var added =
        NewParts.tokens(settings.lora(), settings.model().model(), config, machine.cache(), _ -> {})
            .added();
    Assembly<TrainSettings> run =
        new Assembly<>(settings, machine, config, quantization, backend, true, added);
    try (Reservations.Reservation _ =
            machine.others().take(start.plan().totalBytes(), Long.MAX_VALUE);
        Scope scope = Scope.open("parameters");
        Tuning tuning = Tuning.load(run, start.plan(), scope)) {
      tuning.model().temperature(start.temperature());
      loaded.run();
      follow(tuning, start.plan());
    }
  }

  private Backend backend(Order.Start start) {
    Compute compute = start.backend().startsWith("bf16") ? Compute.BF16 : Compute.FP32;
    Backend backend =
        Backend.again(settings.model().compute(), compute, machine.cache(), config.widths());
    String here = backend.name() + ", " + backend.processor();
    if (!here.equals(start.backend())) {
      throw new RunException(
          "rank %d computes by %s and rank 0 by %s; ranks on processors of one kind have the same bits, so ask for machines of one kind, or set --compute fp32 if only the type differs"
              .formatted(ranks.rank(), here, start.backend()));
    }
    return backend;
  }

  private void check(Order.Start start) {
    Path folder = settings.model().model();
    if (!BaseDigest.withConfig(folder, machine.cache()).equals(start.model())) {
      throw new InputException(
          "--model %s holds other weights for rank %d than for rank 0; give all machines the same files"
              .formatted(folder, ranks.rank()));
    }
    if (!adapter(settings).equals(start.adapter())) {
      throw new InputException(
          "--init-adapter %s is another for rank %d than for rank 0; give all machines the same files"
              .formatted(settings.lora().initAdapter(), ranks.rank()));
    }
  }

  private void follow(Tuning tuning, Plan plan) {
    Path pages = machine.cache();
    try (GradientLanes gradients = new GradientLanes(tuning.model(), plan, pages, ranks);
        ParameterGroup group =
            new ParameterGroup(
                tuning.parameters(),
                settings.optimizer().ofUpdates(settings.objective().objective()),
                tuning.model().backend().kernels(),
                gradients.lanes(),
                plan.footprint().paged() > 0 ? pages : null)) {
      boolean goesOn = true;
      while (goesOn) {
        goesOn = step(Order.next(ranks, plan), gradients, group);
      }
    }
  }

  /// Executes an order.
  ///
  /// @return false at the end
  private boolean step(Order order, GradientLanes gradients, ParameterGroup group) {
    switch (order) {
      case Order.State state -> group.share(ranks, state.updates());
      case Order.Step step -> {
        gradients.add(step.work());
        group.reduce(ranks);
      }
      case Order.Update update -> group.update(update.rate(), update.norm());
      case Order.Skip _ -> group.skip();
      case Order.End _ -> {
        return false;
      }
      case Order.Start _ -> throw new IllegalStateException("rank 0 begins twice");
    }
    return true;
  }
}
