package dev.nudge.train.lanes;

import dev.nudge.collective.Collective;
import dev.nudge.data.tokens.Example;
import dev.nudge.format.Json;
import dev.nudge.nn.Dropout;
import dev.nudge.plan.Plan;
import dev.nudge.train.objective.Objective;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// An order of rank 0 to the others. Only rank 0 has rows, objective and schedule: it sends a
/// step's sequences with their weights, and, after summing the gradients, an update or a skip.
public sealed interface Order {

  /// Loads the model.
  ///
  /// @param backend compute type, products and kernels, which have to be the same
  /// @param model digest of weights and config
  /// @param adapter digest of the initial adapter; empty: none
  /// @param temperature of the objective
  record Start(Plan plan, String backend, String model, String adapter, double temperature)
      implements Order {}

  /// Receives weights and moments, which follow.
  ///
  /// @param updates made so far
  record State(long updates) implements Order {}

  /// Computes gradients, which are summed then.
  record Step(GradientLanes.Work work) implements Order {}

  /// Updates the weights by the summed gradients.
  record Update(double rate, double norm) implements Order {}

  /// Clears the gradients of a skipped step.
  record Skip() implements Order {}

  /// Ends.
  record End() implements Order {}

  /// Sends an order to the other ranks, if any.
  static void tell(Collective ranks, Order order) {
    if (ranks.ranks() > 1) {
      ranks.tell(bytes(order));
    }
  }

  /// Waits for the next order.
  ///
  /// @param plan of the run; null: not received yet
  static Order next(Collective ranks, @Nullable Plan plan) {
    try (DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(ranks.tell(new byte[0])))) {
      return switch (in.readByte()) {
        case 0 -> Json.record(Json.parse(text(in)), Start.class);
        case 1 -> new State(in.readLong());
        case 2 -> new Step(work(in, Objects.requireNonNull(plan)));
        case 3 -> new Update(in.readDouble(), in.readDouble());
        case 4 -> new Skip();
        default -> new End();
      };
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of memory
    }
  }

  private static byte[] bytes(Order order) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      switch (order) {
        case Start start -> {
          out.writeByte(0);
          byte[] text = Json.line(start).getBytes(StandardCharsets.UTF_8);
          out.writeInt(text.length);
          out.write(text);
        }
        case State state -> {
          out.writeByte(1);
          out.writeLong(state.updates());
        }
        case Step step -> {
          out.writeByte(2);
          write(step.work(), out);
        }
        case Update update -> {
          out.writeByte(3);
          out.writeDouble(update.rate());
          out.writeDouble(update.norm());
        }
        case Skip _ -> out.writeByte(4);
        case End _ -> out.writeByte(5);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of memory
    }
    return bytes.toByteArray();
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
  }

  private static void write(GradientLanes.Work work, DataOutputStream out) throws IOException {
    out.writeInt(work.sequences().size());
    for (Example example : work.sequences()) {
      example.write(out);
    }
    out.writeDouble(work.weights().scale());
    write(work.weights().each(), out);
    write(work.weights().texts(), out);
    int[] starts = work.starts();
    out.writeInt(starts == null ? -1 : starts.length);
    for (int i = 0; starts != null && i < starts.length; i++) {
      out.writeInt(starts[i]);
    }
    out.writeBoolean(work.dropout().active());
    out.writeLong(work.dropout().seed());
  }

  private static GradientLanes.Work work(DataInputStream in, Plan plan) throws IOException {
    List<Example> sequences = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) {
      sequences.add(Example.read(in));
    }
    Objective.Weights weights =
        new Objective.Weights(in.readDouble(), doubles(in), doubles(in), null, Map.of());
    int length = in.readInt();
    int[] starts = length < 0 ? null : new int[length];
    for (int i = 0; starts != null && i < length; i++) {
      starts[i] = in.readInt();
    }
    Dropout dropout = new Dropout(in.readBoolean(), in.readLong());
    return new GradientLanes.Work(0, sequences, weights, starts, dropout, plan);
  }

  private static void write(double @Nullable [] numbers, DataOutputStream out) throws IOException {
    out.writeInt(numbers == null ? -1 : numbers.length);
    for (int i = 0; numbers != null && i < numbers.length; i++) {
      out.writeDouble(numbers[i]);
    }
  }

  private static double @Nullable [] doubles(DataInputStream in) throws IOException {
    int length = in.readInt();
    double[] numbers = length < 0 ? null : new double[length];
    for (int i = 0; numbers != null && i < length; i++) {
      numbers[i] = in.readDouble();
    }
    return numbers;
  }
}
