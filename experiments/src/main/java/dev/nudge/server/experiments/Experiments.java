package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The experiments of a server, in a folder with one log per experiment.
///
/// A request whose model name is an experiment is [routed][#route] to an arm, and the server
/// reports its end; later feedback refers to it by id. Acknowledged assignments and feedback
/// survive a crash.
///
/// Threading: any thread; each experiment has its own lock.
public final class Experiments implements AutoCloseable {
  static final String SUFFIX = ".jsonl";

  private final Path folder;
  private final Resolver resolver;
  private final InstantSource clock;
  private final Map<String, Experiment> all = new ConcurrentSkipListMap<>();
  private Consumer<Arm> check = arm -> {};

  private Experiments(Path folder, Resolver resolver, InstantSource clock) {
    this.folder = folder;
    this.resolver = resolver;
    this.clock = clock;
  }

  /// Opens the experiments of a folder, which is created if absent.
  ///
  /// @throws InputException if another server uses the folder, or a log is corrupt
  public static Experiments open(Path folder, Resolver resolver) {
    return open(folder, resolver, InstantSource.system());
  }

  static Experiments open(Path folder, Resolver resolver, InstantSource clock) {
    OutFolder.make(folder);
    Experiments experiments = new Experiments(folder, resolver, clock);
    try {
      for (Path file : logs(folder)) {
        Experiment experiment = Experiment.open(file, resolver, clock);
        if (experiment == null) {
          Files.delete(file);
        } else {
          experiments.all.put(experiment.definition().name(), experiment);
        }
      }
    } catch (IOException e) {
      experiments.close();
      throw new InputException(folder + " cannot be written: " + OutFolder.reason(e), e);
    } catch (RuntimeException | Error e) {
      experiments.close();
      throw e;
    }
    return experiments;
  }

  /// Lists the logs in a folder, by name.
  static List<Path> logs(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(ExperimentLog::isLog).sorted().toList();
    } catch (IOException e) {
      throw new InputException(
          folder + " cannot be read: " + OutFolder.reason(e) + "; give the folder of a server", e);
    }
  }

  /// Returns the names of the experiments, which are model names of the server.
  public List<String> names() {
    return List.copyOf(all.keySet());
  }

  /// Whether a model is an experiment.
  public boolean has(String model) {
    return all.containsKey(model);
  }

  /// Assigns a request to an arm; null if its model is not an experiment.
  ///
  /// @param model model name in the request
  /// @param unit randomization unit
  /// @param request id of the request, for feedback
  public @Nullable Routed route(String model, Unit unit, String request) {
    Experiment experiment = all.get(model);
    return experiment == null ? null : experiment.route(unit, request);
  }

  /// Returns the control arm, or the arm that answers after the end.
  ///
  /// @throws NoSuchException if there is no such experiment
  public Arm first(String name) {
    return named(name).first();
  }

  /// Sets the check for each arm of a new experiment.
  ///
  /// @param arms the check, which throws InputException if an arm cannot answer
  public synchronized void check(Consumer<Arm> arms) {
    check = arms;
  }

  /// Creates and starts an experiment.
  ///
  /// @param body body of `POST /v1/experiments`
  /// @return its report
  /// @throws InputException if the body is wrong
  public synchronized Map<String, @Nullable Object> create(JsonNode body) {
    Definition definition = DefinitionReader.read(body);
    String name = definition.name();
    if (all.containsKey(name) || Files.exists(folder.resolve(name + SUFFIX))) {
      throw new FieldException(
          "name", "name is '" + name + "'; an experiment of that name is there, so give another");
    } else if (resolver.isTaken(name)) {
      throw new FieldException(
          "name", "name is '" + name + "'; a model or an adapter has that name, so give another");
    }
    Definition pinned = definition.pinned(resolver);
    pinned.checkArms(check);
    Experiment experiment =
        Experiment.create(folder.resolve(name + SUFFIX), pinned, resolver, clock);
    all.put(name, experiment);
    return experiment.report();
  }

  /// Returns a list entry per experiment.
  public List<Map<String, @Nullable Object>> list() {
    return all.values().stream().map(Experiment::summary).toList();
  }

  /// Returns the full report of an experiment.
  ///
  /// @throws NoSuchException if there is no such experiment
  public Map<String, @Nullable Object> show(String name) {
    return named(name).report();
  }

  /// Stops an experiment.
  ///
  /// @param arm arm that answers from now on; null: the first
  /// @throws NoSuchException if there is no such experiment
  /// @throws InputException if it has stopped already, or has no such arm
  public Map<String, @Nullable Object> stop(String name, @Nullable String arm, String reason) {
    Experiment experiment = named(name);
    experiment.stop(arm, reason);
    return experiment.report();
  }

  /// Returns the number of units and requests that an experiment has in memory.
  long remembered(String name) {
    return named(name).remembered();
  }

  private Experiment named(String name) {
    Experiment experiment = all.get(name);
    if (experiment == null) {
      throw new NoSuchException(unknown(name, all.keySet()));
    }
    return experiment;
  }

  static String unknown(String name, Iterable<String> known) {
    List<String> names = new ArrayList<>();
    known.forEach(names::add);
    return "there is no experiment '%s'%s"
        .formatted(
            name,
            names.isEmpty()
                ? ": there is none at all"
                : Nearest.of(name, names).isEmpty()
                    ? "; there are " + String.join(", ", names)
                    : Nearest.hint(name, names));
  }

  /// Records feedback in the experiment that knows the request; null if none does.
  ///
  /// @param owner prefix of the ids of the client's requests
  Experiment.@Nullable AcceptedFeedback take(AnswerFeedback said, String owner) {
    for (Experiment experiment : all.values()) {
      Experiment.AcceptedFeedback taken = experiment.take(said, owner);
      if (taken != null) {
        return taken;
      }
    }
    return null;
  }

  /// Flushes and closes all logs.
  @Override
  public void close() {
    all.values().forEach(Experiment::close);
    all.clear();
  }
}
