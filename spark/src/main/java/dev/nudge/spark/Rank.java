package dev.nudge.spark;

import dev.nudge.collective.Collective;
import dev.nudge.collective.Meeting;
import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.DivergedException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.Training;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/// A task of the barrier stage: one rank of a run, from its port to its last step.
///
/// It returns one line, its [Outcome], also where it fails by what a user can mend or another rank
/// is lost: Spark would repeat a task that throws as often as it likes. What kills the process is
/// seen by Spark.
final class Rank extends AbstractFunction1<Iterator<Integer>, Iterator<String>>
    implements Serializable {
  private static final long serialVersionUID = 1L;

  private static final int PATIENCE = 60_000; // ms
  private static final int LOOK = 200; // ms

  private final String settings;
  private final RankSettings ranks;
  private final byte[] secret;

  /// The end of a rank.
  ///
  /// @param text of a run that ended its [dev.nudge.train.RunResult] as JSON, else the error's line
  record Outcome(int rank, Kind kind, String text) {
    enum Kind {
      DONE,
      WRONG,
      DIVERGED,
      FAILED
    }
  }

  /// @param settings of the run, as JSON
  /// @param secret of this attempt
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
    try (Meeting meeting = Meeting.open(port)) { // what throws here ends the others' wait too
      String host = SparkEnv.get().blockManager().blockManagerId().host();
      List<String> addresses = Arrays.asList(context.allGather(host + ":" + meeting.port()));
      outcome = outcome(context, meeting, addresses);
    }
    return CollectionConverters.asScala(List.of(Json.line(outcome)).iterator());
  }

  private Outcome outcome(BarrierTaskContext context, Meeting meeting, List<String> addresses) {
    int rank = context.partitionId();
    try (Collective all = meeting.join(rank, addresses, secret, ranks.timeout())) {
      return new Outcome(rank, Outcome.Kind.DONE, trained(context, all));
    } catch (InputException e) {
      return new Outcome(rank, Outcome.Kind.WRONG, String.valueOf(e.getMessage()));
    } catch (DivergedException e) {
      return new Outcome(rank, Outcome.Kind.DIVERGED, String.valueOf(e.getMessage()));
    } catch (NudgeException e) {
      return new Outcome(rank, Outcome.Kind.FAILED, String.valueOf(e.getMessage()));
    }
  }

  private String trained(BarrierTaskContext context, Collective all) {
    Machine here = Machine.here(ExecutorCache.folder());
    Machine own =
        new Machine(
            context.cpus(), here.memoryBytes(), here.cache(), here.name(), here.others(), all);
    TrainSettings run = TrainSettings.of(Json.plain(Json.parse(settings)));
    if (all.rank() > 0) {
      Training.follow(run, own);
      return "";
    }
    awaitEarlier(run.output().out());
    return Json.line(Training.run(run, own, _ -> {}, _ -> {}, context::isInterrupted));
  }

  /// Waits until the rank 0 of an attempt that failed, which may be in its last step still, has
  /// left the folder; the run says so if it does not.
  private static void awaitEarlier(Path out) {
    try {
      for (int waited = 0; waited < PATIENCE && Claim.isHeld(out); waited += LOOK) {
        Thread.sleep(LOOK);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
