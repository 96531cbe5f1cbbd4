package dev.nudge.quickstart;

import dev.nudge.machine.Machine;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// One training run with the totals of its steps.
record Lesson(Prepared prepared, Chapter.Trained trained) {

  /// Trains an adapter.
  ///
  /// @throws CancellationException once `cancelled`, after saving the adapter
  static Lesson of(
      TrainSettings settings, Machine machine, Consumer<Chapter> told, BooleanSupplier cancelled) {
    Sum sum = new Sum();
    AtomicReference<Prepared> prepared = new AtomicReference<>();
    RunState state =
        Training.run(
                settings,
                machine,
                run -> {
                  prepared.set(run);
                  told.accept(ready(run));
                },
                event -> {
                  if (event instanceof TrainEvent.Step step) {
                    sum.add(step);
                  }
                  told.accept(new Chapter.Trains(event));
                },
                cancelled)
            .state();
    if (state == RunState.STOPPED) {
      throw new CancellationException();
    }
    Prepared run = Objects.requireNonNull(prepared.get());
    return new Lesson(run, sum.trained(ready(run)));
  }

  private static Chapter.Ready ready(Prepared prepared) {
    TrainSettings settings = prepared.settings();
    return new Chapter.Ready(
        prepared.data().examples().size(),
        prepared.data().tokens(),
        prepared.steps(),
        settings.lora().rank(),
        Boolean.TRUE.equals(settings.model().doubleQuant()),
        prepared.count().trained(),
        prepared.count().all());
  }

  /// Accumulates the totals of the steps.
  private static final class Sum {
    private final long start = System.nanoTime();
    private int steps;
    private long tokens;
    private long trainedTokens;
    private double firstLoss = Double.NaN;
    private double lastLoss = Double.NaN;
    private double firstStep;

    void add(TrainEvent.Step step) {
      steps++;
      tokens += step.tokens();
      trainedTokens += step.trainedTokens();
      if (steps == 1) {
        firstStep = seconds();
        firstLoss = step.loss();
      }
      lastLoss = step.loss();
    }

    private double seconds() {
      return (System.nanoTime() - start) / 1e9;
    }

    Chapter.Trained trained(Chapter.Ready run) {
      return new Chapter.Trained(
          run, steps, tokens, trainedTokens, firstLoss, lastLoss, firstStep, seconds());
    }
  }
}
