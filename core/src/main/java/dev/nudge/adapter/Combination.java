package dev.nudge.adapter;

import dev.nudge.adapter.targets.ExpertTargets;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A weighted sum of adapters of one base as one adapter: ΔW = Σ wᵢ·sᵢ·Bᵢ·Aᵢ.
///
/// The exact sum stacks the A's and concatenates the B's, each times wᵢ·sᵢ: the rank is the sum of
/// the ranks, and the only error is one rounding of B to fp32. The scale of the result is 1.
///
/// With a maximum rank, each layer is its best approximation of that rank (Eckart and Young), by
/// [Recompressed]; the error is reported.
public final class Combination {
  private static final Pattern NUMBER = Pattern.compile("\\d+");

  /// One of the adapters of the sum and its weight.
  public record Part(Path folder, double weight) {}

  /// The result of a combination.
  ///
  /// @param rank the highest rank of a layer
  /// @param norm ‖ΔW‖ of the exact sum
  /// @param lost relative error ‖ΔW − ΔW'‖ / ‖ΔW‖ of the written adapter; 0 if it is exact
  /// @param layers number of layers
  public record Combined(int rank, double norm, double lost, int layers) {}

  /// Numbers in paths by their value: the experts of a layer in their order.
  private static final Comparator<String> NATURAL =
      Comparator.comparing(
          path ->
              NUMBER
                  .matcher(path)
                  .replaceAll(m -> "0".repeat(Math.max(0, 9 - m.group().length())) + m.group()));

  private Combination() {}

  /// Writes the sum as an adapter folder.
  ///
  /// @param rank maximum rank of a layer; null: the exact sum
  /// @throws InputException if a folder is no adapter of A and B alone, or their shapes differ
  public static Combined write(List<Part> parts, @Nullable Integer rank, Path out) {
    List<Updates> opened = new ArrayList<>();
    try (Scope scope = Scope.open("combined adapters")) {
      for (Part part : parts) {
        Updates updates = Updates.open(part.folder());
        opened.add(updates);
        updates.checkPlain("combine adapters of A and B alone, or merge this one");
        if (updates.holdsWhole()) {
          throw new InputException(
              "adapter %s holds whole modules or rows of tokens, which cannot be weighed; combine adapters of A and B alone"
                  .formatted(part.folder()));
        }
      }
      TreeSet<String> paths = new TreeSet<>(NATURAL);
      opened.forEach(updates -> paths.addAll(updates.paths()));
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      Map<String, Integer> ranks = new LinkedHashMap<>();
      double squares = 0;
      double lost = 0;
      for (String path : paths) {
        Update sum = sum(parts, opened, path);
        Update written = sum;
        double all = sum.inner(sum);
        squares += all;
        if (rank != null && rank < sum.rank()) {
          Recompressed less = Recompressed.of(sum, rank);
          written = less.update();
          lost += less.lostSquares();
        }
        boolean embedding = opened.stream().anyMatch(updates -> updates.isEmbedding(path));
        ranks.put(path, written.rank());
        put(tensors, written, embedding, scope);
      }
      String base =
          Json.read(parts.getFirst().folder().resolve(PeftConfig.FILE))
              .path("base_model_name_or_path")
              .asString("");
      PeftFiles.saveMade(
          out, new LoraKind(spec(opened, ranks)), base, ExpertTensors.stacked(tensors));
      int highest = ranks.values().stream().mapToInt(Integer::intValue).max().orElse(0);
      return new Combined(
          highest, Math.sqrt(squares), squares == 0 ? 0 : Math.sqrt(lost / squares), ranks.size());
    } finally {
      opened.forEach(Updates::close);
    }
  }

  private static Update sum(List<Part> parts, List<Updates> opened, String path) {
    List<double[]> a = new ArrayList<>();
    List<double[]> b = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      Updates updates = opened.get(i);
      if (!updates.paths().contains(path)) {
        continue;
      }
      Update update = updates.at(path);
      if (!a.isEmpty()
          && (a.getFirst().length != update.a()[0].length
              || b.getFirst().length != update.b()[0].length)) {
        throw new InputException(
            "adapter %s is of another model than %s: %s has other sides"
                .formatted(updates.folder(), opened.getFirst().folder(), path));
      }
      double factor = parts.get(i).weight() * update.scaling();
      for (int r = 0; r < update.rank(); r++) {
        a.add(update.a()[r]);
        b.add(times(update.b()[r], factor));
      }
    }
    return new Update(path, a.toArray(double[][]::new), b.toArray(double[][]::new), 1);
  }

  private static double[] times(double[] row, double factor) {
    double[] scaled = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      scaled[i] = row[i] * factor;
    }
    return scaled;
  }

  private static void put(
      Map<String, Tensor> tensors, Update update, boolean embedding, Scope scope) {
    int rank = update.rank();
    Tensor a = scope.tensor(Dtype.F32, rank, update.a()[0].length);
    Tensor b = scope.tensor(Dtype.F32, update.b()[0].length, rank);
    for (int r = 0; r < rank; r++) {
      for (int c = 0; c < a.cols(); c++) {
        a.set(r, c, update.a()[r][c]);
      }
      for (int c = 0; c < b.rows(); c++) {
        b.set(c, r, update.b()[r][c]);
      }
    }
    String path = update.path();
    tensors.put(embedding ? PeftFiles.nameOfEmbeddingA(path) : PeftFiles.nameOfA(path), a);
    tensors.put(embedding ? PeftFiles.nameOfEmbeddingB(path) : PeftFiles.nameOfB(path), b);
  }

  /// The LoRA config: the scale is 1 everywhere, so alpha is the rank; a layer with another rank
  /// gets a pattern.
  private static Lora spec(List<Updates> opened, Map<String, Integer> ranks) {
    Lora first = opened.getFirst().spec();
    boolean same =
        opened.stream()
            .map(Updates::spec)
            .allMatch(
                spec ->
                    spec.targets().equals(first.targets())
                        && java.util.Objects.equals(spec.exclude(), first.exclude())
                        && java.util.Objects.equals(spec.layers(), first.layers()));
    int usual =
        ranks.values().stream()
            .collect(Collectors.groupingBy(rank -> rank, Collectors.counting()))
            .entrySet()
            .stream()
            .max(Map.Entry.comparingByValue())
            .orElseThrow()
            .getKey();
    Targets targets = same ? first.targets() : ExpertTargets.of(ranks.keySet());
    Map<String, Integer> others = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    ranks.forEach(
        (path, rank) -> {
          if (rank != usual) {
            String key = targets.key(path).replace(".", "\\.");
            others.put(key, rank);
            alphas.put(key, (double) rank);
          }
        });
    return new Lora(
        usual,
        usual,
        false,
        0,
        targets,
        others,
        alphas,
        same ? first.exclude() : null,
        same ? first.layers() : null,
        Extras.NONE,
        Lora.Variant.PLAIN);
  }
}
