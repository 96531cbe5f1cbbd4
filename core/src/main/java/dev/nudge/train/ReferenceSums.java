package dev.nudge.train;

import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.Objective;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Log-probabilities of a run's sequences by its reference, computed once, before the first step,
/// and kept in the run's folder as `reference.safetensors`: so no second model is loaded.
///
/// A sequence has one number, or one for each labelled token if the objective weighs tokens.
///
/// @param places where the numbers of each training sequence begin, and the last ones end
/// @param heldPlaces likewise of held-out sequences
/// @param train of each training sequence
/// @param beside of the extra sequences of each step ([Objective#beside]), step by step
/// @param from where the numbers of each step begin in `beside`
/// @param held of each held-out sequence
/// @param heldBeside of extra held-out sequences
record ReferenceSums(
    int[] places,
    int[] heldPlaces,
    double[] train,
    double[] beside,
    long[] from,
    double[] held,
    double[] heldBeside) {
  static final String FILE = "reference.safetensors";
  private static final double[] EMPTY = {};
  private static final int CHUNK = 256; // sequences between two reports
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// A run without a reference.
  static final ReferenceSums NONE =
      new ReferenceSums(new int[0], new int[0], EMPTY, EMPTY, new long[0], EMPTY, EMPTY);

  /// The numbers of a step's sequences, then of its extra ones.
  ///
  /// @param sequences their places among all
  double[] ofStep(int step, int[] sequences) {
    if (train.length == 0) {
      return EMPTY;
    }
    DoubleStream own =
        IntStream.of(sequences)
            .flatMap(s -> IntStream.range(places[s], places[s + 1]))
            .mapToDouble(i -> train[i]);
    int at = beside.length == 0 ? 0 : Math.toIntExact(from[step]);
    int more = beside.length == 0 ? 0 : sequences.length;
    return DoubleStream.concat(own, Arrays.stream(beside, at, at + more)).toArray();
  }

  /// The numbers of a block of held-out sequences.
  double[] ofHeld(int from, int to) {
    if (held.length == 0) {
      return EMPTY;
    }
    DoubleStream more =
        heldBeside.length == 0 ? DoubleStream.empty() : Arrays.stream(heldBeside, from, to);
    return DoubleStream.concat(Arrays.stream(held, heldPlaces[from], heldPlaces[to]), more)
        .toArray();
  }

  /// Where the numbers of each sequence begin, and the last ones end.
  private static int[] places(@Nullable Dataset data, Objective objective) {
    int[] places = new int[data == null ? 1 : data.examples().size() + 1];
    for (int i = 1; i < places.length && data != null; i++) {
      int numbers = objective.tokenwise() ? data.examples().get(i - 1).trainedTokens() : 1;
      places[i] = places[i - 1] + numbers;
    }
    return places;
  }

  /// Computes all numbers by the current weights.
  ///
  /// @param events receives the progress
  /// @return empty if it was cancelled
  static Optional<ReferenceSums> score(
      Prepared prepared, Trainer trainer, Consumer<TrainEvent> events, BooleanSupplier cancelled) {
    Objective objective = prepared.goal().objective();
    Dataset data = prepared.data();
    List<Example> train = data.examples();
    boolean besides = !objective.beside(train.subList(0, 1)).isEmpty();
    Sink all = new Sink(trainer, count(prepared, besides), events, cancelled);
    double[] own = all.of(train);
    for (int step = 0; step < prepared.steps() && besides; step++) {
      int[] places = data.places(prepared.schedule().batches().step(step));
      all.add(objective.beside(IntStream.of(places).mapToObj(train::get).toList()));
    }
    double[] beside = all.rest();
    double[] held = {};
    Dataset out = prepared.held();
    if (out != null) {
      held = all.of(out.examples());
      int block = prepared.settings().loop().batchSize() * out.sequencesPerRow();
      for (int from = 0; from < out.examples().size(); from += block) {
        int to = Math.min(out.examples().size(), from + block);
        all.add(objective.beside(out.examples().subList(from, to)));
      }
    }
    double[] heldBeside = all.rest();
    return all.cancelled
        ? Optional.empty()
        : Optional.of(
            new ReferenceSums(
                places(data, objective),
                places(out, objective),
                own,
                beside,
                starts(prepared, beside.length),
                held,
                heldBeside));
  }

  /// Sequences to score.
  private static long count(Prepared prepared, boolean besides) {
    long train = prepared.data().examples().size();
    long held = prepared.held() == null ? 0 : prepared.held().examples().size();
    long beside = 0;
    for (int step = 0; step < prepared.steps() && besides; step++) {
      int rows = prepared.schedule().batches().step(step).length;
      beside += (long) rows * prepared.data().sequencesPerRow();
    }
    return train + beside + (besides ? 2 : 1) * held;
  }

  private static long[] starts(Prepared prepared, int beside) {
    if (beside == 0) {
      return new long[0];
    }
    long[] starts = new long[prepared.steps()];
    for (int step = 1; step < starts.length; step++) {
      int before = prepared.schedule().batches().step(step - 1).length;
      starts[step] = starts[step - 1] + (long) before * prepared.data().sequencesPerRow();
    }
    return starts;
  }

  /// Scores sequences, some at a time.
  private static final class Sink {
    private final Trainer trainer;
    private final long all;
    private final Consumer<TrainEvent> events;
    private final BooleanSupplier stop;
    private final long began = System.nanoTime();
    private long done;
    private final List<Example> waiting = new ArrayList<>();
    private double[] sums = {};
    private int count;
    private boolean cancelled;

    Sink(Trainer trainer, long all, Consumer<TrainEvent> events, BooleanSupplier stop) {
      this.trainer = trainer;
      this.all = all;
      this.events = events;
      this.stop = stop;
    }

    double[] of(List<Example> sequences) {
      for (int from = 0; from < sequences.size(); from += CHUNK) {
        add(sequences.subList(from, Math.min(sequences.size(), from + CHUNK)));
      }
      return rest();
    }

    void add(List<Example> sequences) {
      waiting.addAll(sequences);
      if (waiting.size() >= CHUNK) {
        score();
      }
    }

    double[] rest() {
      score();
      double[] all = Arrays.copyOf(sums, count);
      count = 0;
      return all;
    }

    private void score() {
      if (!cancelled && !waiting.isEmpty()) {
        Optional<double[]> scored = trainer.logprobs(List.copyOf(waiting), stop);
        cancelled = scored.isEmpty();
        double[] some = scored.orElse(EMPTY);
        if (count + some.length > sums.length) {
          sums = Arrays.copyOf(sums, 2 * count + some.length);
        }
        System.arraycopy(some, 0, sums, count, some.length);
        count += some.length;
        done += waiting.size(); // a sequence may have many numbers
        if (!cancelled) {
          double seconds = (System.nanoTime() - began) / 1e9;
          events.accept(new TrainEvent.Referenced(done, all, seconds));
        }
      }
      waiting.clear();
    }
  }

  /// Writes the file into a run's folder.
  ///
  /// @param run id of the run
  /// @throws dev.nudge.settings.RunException if writing fails
  void write(Path folder, String run) {
    Map<String, double[]> parts = parts();
    List<Entry> entries =
        parts.entrySet().stream()
            .map(e -> Entry.of(e.getKey(), Dtype.F64, new long[] {e.getValue().length}))
            .toList();
    Map<String, String> head = Map.of("format", "nudge", "run", run);
    try (SafeTensorsWriter writer = SafeTensorsWriter.create(folder.resolve(FILE), head, entries)) {
      try {
        parts.forEach((name, numbers) -> writer.write(name, List.of(bytes(numbers)).iterator()));
      } catch (RuntimeException | Error e) {
        writer.abandon();
        throw e;
      }
    }
  }

  private static MemorySegment bytes(double[] numbers) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[Double.BYTES * numbers.length]);
    for (int i = 0; i < numbers.length; i++) {
      bytes.setAtIndex(DOUBLE, i, numbers[i]);
    }
    return bytes;
  }

  private Map<String, double[]> parts() {
    Map<String, double[]> parts = new LinkedHashMap<>();
    parts.put("train", train);
    parts.put("held", held);
    parts.put("beside", beside);
    parts.put("held_beside", heldBeside);
    parts.values().removeIf(numbers -> numbers.length == 0);
    return parts;
  }

  /// Reads the file of a resumed run.
  ///
  /// @throws InputException if it is missing, or of another run
  static ReferenceSums read(Path folder, String run, Prepared prepared) {
    Path file = folder.resolve(FILE);
    if (Files.isRegularFile(file)) {
      try (SafeTensors stored = SafeTensors.open(file)) {
        double[] beside = numbers(stored, "beside");
        ReferenceSums sums =
            new ReferenceSums(
                places(prepared.data(), prepared.goal().objective()),
                places(prepared.held(), prepared.goal().objective()),
                numbers(stored, "train"),
                beside,
                starts(prepared, beside.length),
                numbers(stored, "held"),
                numbers(stored, "held_beside"));
        boolean whole =
            run.equals(stored.metadata().get("run"))
                && sums.train.length == sums.places[sums.places.length - 1];
        if (whole) {
          return sums;
        }
      }
    }
    throw new InputException(
        "%s is missing or of another run; put it back, or --overwrite to begin anew"
            .formatted(file));
  }

  private static double[] numbers(SafeTensors stored, String name) {
    if (!stored.names().contains(name)) {
      return EMPTY;
    }
    MemorySegment bytes = stored.bytes(name);
    double[] numbers = new double[(int) (bytes.byteSize() / Double.BYTES)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = bytes.getAtIndex(DOUBLE, i);
    }
    return numbers;
  }
}
