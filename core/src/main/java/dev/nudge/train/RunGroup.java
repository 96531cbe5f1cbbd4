package dev.nudge.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.adapter.Bank;
import dev.nudge.collective.Collective;
import dev.nudge.format.OutFolder;
import dev.nudge.model.CausalLm;
import dev.nudge.plan.Plan;
import dev.nudge.settings.DivergedException;
import dev.nudge.train.events.EventCommand;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.lanes.GradientLanes;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Trains several runs of one base in the same passes, or one run of any kind.
///
/// Each [Run] keeps its own rows, steps, optimiser, checkpoints and folder, and its adapter ends
/// with the same bytes as alone. Runs share the weights, the lanes and the passes of each step:
/// [GradientLanes#addOwned] through a [Bank] of the adapters. Between the passes the model carries
/// the adapter of the run whose turn it is, so a run need not know of the others. A run that
/// diverges leaves the group, and the others go on; any other failure, such as a full disk, ends
/// the group.
///
/// Threading: one thread calls.
public final class RunGroup implements AutoCloseable {
  private final List<Member> members = new ArrayList<>();
  private final Deque<Runnable> closing = new ArrayDeque<>(); // the last opened first
  private final Bank bank = new Bank();
  private @Nullable GradientLanes gradients; // null: of one run, which has its own

  /// A group's listener.
  public interface Listener {
    /// An event of a run.
    void event(int member, TrainEvent event);

    /// The loss of each held-out row at an evaluation of a run, in nats, summed over its labelled
    /// tokens.
    ///
    /// @param best whether the mean is the lowest of the run
    void held(int member, int step, double[] losses, boolean best);
  }

  /// A run of the group.
  private static final class Member {
    private final Run run;
    private final int number; // in the bank
    private boolean begun;
    private boolean ended;
    private @Nullable RunResult result;
    private @Nullable RuntimeException failure;

    Member(Run run, int number) {
      this.run = run;
      this.number = number;
    }
  }

  /// Loads the base and the runs.
  ///
  /// @param prepared runs of one group, see [GroupPlan]
  public RunGroup(List<Prepared> prepared, Plan plan, Listener listener) {
    try {
      if (prepared.size() == 1) {
        add(prepared.getFirst(), null, listener);
        return;
      }
      Run.GroupModel shared = shared(prepared.getFirst(), plan);
      this.gradients = shared.gradients();
      prepared.forEach(run -> add(run, shared, listener));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Run.GroupModel shared(Prepared first, Plan plan) {
    CausalLm model = first.assembly().load(plan, null, Set.of());
    closing.push(model::close);
    Path pages = requireNonNull(OutFolder.existing(first.settings().output().out()));
    GradientLanes lanes = new GradientLanes(model, plan, pages, Collective.ALONE);
    closing.push(lanes::close);
    return new Run.GroupModel(model, lanes);
  }

  private void add(Prepared prepared, Run.@Nullable GroupModel shared, Listener listener) {
    int index = members.size();
    Consumer<TrainEvent> events = event -> listener.event(index, event);
    String command = prepared.settings().watch().onEvent();
    if (command != null) {
      EventCommand told = EventCommand.of(command, events);
      closing.push(told::close);
      events = told;
    }
    Run run = new Run(prepared, shared, events, System::nanoTime);
    run.hearHeld((losses, best) -> listener.held(index, run.steps(), losses, best));
    int number = -1;
    if (shared != null) {
      run.tuning().detaching().run();
      number = bank.add(requireNonNull(run.tuning().adapters()));
    }
    members.add(new Member(run, number));
  }

  /// Trains until each live run has made `steps` steps or has ended.
  ///
  /// @param cancelled asked between steps; once true, the runs are stopped as they are
  public void advance(int steps, BooleanSupplier cancelled) {
    BooleanSupplier stop = () -> cancelled.getAsBoolean() || interrupted();
    for (Member m : live()) {
      if (!m.begun) {
        m.begun = true;
        turn(m, () -> m.run.begin(stop));
      }
    }
    while (true) {
      List<Member> going = new ArrayList<>();
      for (Member m : live()) {
        if (!m.run.goesOn()) {
          turn(m, () -> end(m));
        } else if (m.run.steps() < steps) {
          going.add(m);
        }
      }
      if (going.isEmpty()) {
        return;
      }
      step(going);
    }
  }

  private List<Member> live() {
    return members.stream().filter(m -> !m.ended).toList();
  }

  private void step(List<Member> going) {
    List<Trainer.PendingStep> asked = going.stream().map(m -> m.run.ask(m.number)).toList();
    double[] losses = add(going, asked);
    for (int i = 0; i < losses.length; i++) {
      Member m = going.get(i);
      Trainer.PendingStep own = asked.get(i);
      double loss = losses[i];
      turn(m, () -> m.run.take(own, loss));
    }
  }

  /// Adds the gradients of a step of each, and returns their losses.
  private double[] add(List<Member> going, List<Trainer.PendingStep> asked) {
    GradientLanes together = gradients;
    if (together == null) {
      return new double[] {going.getFirst().run.gradients(asked.getFirst())};
    }
    Runnable undo = bank.put();
    try {
      return together.addOwned(asked.stream().map(Trainer.PendingStep::work).toList());
    } finally {
      undo.run();
    }
  }

  /// Runs `work` of one run with its adapter on the model.
  private void turn(Member m, Runnable work) {
    attach(m, true);
    try {
      work.run();
    } catch (DivergedException e) {
      m.failure = e;
      m.ended = true;
    } finally {
      attach(m, false);
    }
  }

  private void attach(Member m, boolean on) {
    if (gradients != null) {
      (on ? m.run.tuning().attaching() : m.run.tuning().detaching()).run();
    }
  }

  private static void end(Member m) {
    m.result = m.run.end();
    m.ended = true;
  }

  /// Whether this thread was interrupted while the runs trained.
  public boolean interrupted() {
    return members.stream().anyMatch(m -> m.run.interrupted());
  }

  /// Whether a run has not ended.
  public boolean live(int member) {
    return !members.get(member).ended;
  }

  /// Steps of a run so far.
  public int steps(int member) {
    return members.get(member).run.steps();
  }

  /// Whether an evaluation of a run has found a lowest held-out loss.
  public boolean hasBest(int member) {
    return members.get(member).run.hasBest();
  }

  /// The loss of each held-out row by a live run now, which does not count as one of its
  /// evaluations; empty if it was cancelled.
  public Optional<double[]> heldOut(int member) {
    Member m = members.get(member);
    List<Optional<double[]>> found = new ArrayList<>();
    turn(m, () -> found.add(m.run.heldOutNow()));
    return found.isEmpty() ? Optional.empty() : found.getFirst();
  }

  /// Ends a live run, with a checkpoint for resuming.
  public void stop(int member) {
    Member m = members.get(member);
    m.run.stop();
    turn(m, () -> end(m));
  }

  /// The result of a run that has ended; null if it diverged.
  public @Nullable RunResult result(int member) {
    return members.get(member).result;
  }

  /// Why a run diverged; null if it did not.
  public @Nullable RuntimeException failure(int member) {
    return members.get(member).failure;
  }

  @Override
  public void close() {
    boolean interrupted = false;
    for (Member m : members) {
      interrupted |= m.run.interrupted();
      closing.push(
          () -> {
            attach(m, true); // closing detaches it
            m.run.close();
          });
    }
    members.clear();
    closeAll();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeAll() {
    if (!closing.isEmpty()) {
      try {
        closing.pop().run();
      } finally {
        closeAll();
      }
    }
  }
}
