package dev.nudge.spark;

import dev.nudge.collective.Collective;
import dev.nudge.collective.LostRankException;
import dev.nudge.collective.Rendezvous;
import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.DivergedException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Training;
import dev.nudge.train.events.TrainEvent;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/// A task of the barrier stage: runs one rank, from opening its port to the last step.
///
/// It returns one line, its [Outcome], also after a user error or the loss of another rank, as
/// Spark would repeat a task that throws. Spark itself notices if the process dies.
final class Rank extends AbstractFunction1<Iterator<Integer>, Iterator<String>>
    implements Serializable {
  private static final long serialVersionUID = 1L;

  static final int PATIENCE = 120_000; // ms beyond the timeout
  private static final int SAVING = 120_000; // ms for a stopped run to save
  static final int MOST_WARNINGS = 100;
  private static final int LOOK = 200; // ms

  private final String settings;
  private final RankSettings ranks;
  private final byte[] secret;

  /// The end of a rank.
  ///
  /// @param text the [dev.nudge.train.events.RunResult] of a finished run as JSON, else the error's
  ///     line
  /// @param warnings of the run, the first hundred
  record Outcome(int rank, Kind kind, String text, List<String> warnings) {
    enum Kind {
      DONE,
      WRONG,
      DIVERGED,
      FAILED,
      LOST // another rank was lost
    }
  }

  /// @param settings settings of the run, as JSON
  /// @param secret secret of this attempt
  Rank(String settings, RankSettings ranks, byte[] secret) {
    this.settings = settings;
    this.ranks = ranks;
    this.secret = secret.clone();
  }

  @Override
  public Iterator<String> apply(Iterator<Integer> none) {
    BarrierTaskContext context = BarrierTaskContext.get();
    int port = ranks.port() == 0 ? 0 : ranks.port() + context.partitionId();
    Outcome outcome;
    String host = SparkEnv.get().blockManager().blockManagerId().host();
    try (Rendezvous meeting =
        Rendezvous.open(host, port)) { // an exception here also ends the other ranks' wait
      List<String> addresses = Arrays.asList(context.allGather(host + ":" + meeting.port()));
      outcome = outcome(context, meeting, addresses);
    }
    return CollectionConverters.asScala(List.of(Json.line(outcome)).iterator());
  }

  private Outcome outcome(BarrierTaskContext context, Rendezvous meeting, List<String> addresses) {
    int rank = context.partitionId();
    List<String> warnings = Collections.synchronizedList(new ArrayList<>());
    String text;
    Outcome.Kind kind = Outcome.Kind.DONE;
    try (Collective all = meeting.join(rank, addresses, secret, ranks.timeout())) {
      Thread.ofPlatform().daemon().start(() -> closeWhenKilled(context, all));
      text = trained(context, all, addresses, warnings);
    } catch (NudgeException e) {
      kind =
          switch (e) {
            case InputException _ -> Outcome.Kind.WRONG;
            case DivergedException _ -> Outcome.Kind.DIVERGED;
            case LostRankException _ -> Outcome.Kind.LOST;
            default -> Outcome.Kind.FAILED;
          };
      text = String.valueOf(e.getMessage());
    }
    return new Outcome(rank, kind, text, List.copyOf(warnings));
  }

  /// Closes the collective of a task that Spark has killed, after the time that a stopped run needs
  /// to save; else it might wait for another rank for ever.
  private static void closeWhenKilled(BarrierTaskContext context, Collective all) {
    try {
      while (!context.isInterrupted()) {
        if (context.isCompleted()) {
          return;
        }
        Thread.sleep(LOOK);
      }
      for (int waited = 0; waited < SAVING && !context.isCompleted(); waited += LOOK) {
        Thread.sleep(LOOK);
      }
      all.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String trained(
      BarrierTaskContext context, Collective all, List<String> addresses, List<String> warnings) {
    Machine here = Machine.here(ExecutorModel.cache());
    String host = host(addresses.get(all.rank()));
    long ranksHere = addresses.stream().filter(other -> host(other).equals(host)).count();
    Machine own =
        new Machine(
            context.cpus(),
            here.memoryBytes() / ranksHere, // shared by the ranks of this host
            here.cache(),
            here.name(),
            here.others(),
            all);
    TrainSettings run = TrainSettings.of(Json.plain(Json.parse(settings)));
    if (all.rank() > 0) {
      Training.follow(run, own);
      return "";
    }
    awaitEarlier(run.output().out(), PATIENCE + ranks.timeout().toMillis());
    return Json.line(
        Training.run(
            run,
            own,
            _ -> {},
            event -> {
              if (event instanceof TrainEvent.Warning warning && warnings.size() < MOST_WARNINGS) {
                warnings.add(warning.line());
              }
            },
            context::isInterrupted));
  }

  private static String host(String address) {
    return address.substring(0, address.lastIndexOf(':'));
  }

  /// Waits until a failed attempt, which may still be in its last step, has released the folder.
  ///
  /// @param patience milliseconds
  /// @throws RunException after `patience`: the stage or task is then repeated
  static void awaitEarlier(Path out, long patience) {
    try {
      for (long waited = 0; waited < patience && Claim.isHeld(out); waited += LOOK) {
        Thread.sleep(LOOK);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (Claim.isHeld(out)) {
      throw new RunException("%s is still held by an earlier attempt".formatted(out));
    }
  }
}
