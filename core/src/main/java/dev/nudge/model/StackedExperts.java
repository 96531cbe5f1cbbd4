package dev.nudge.model;

import dev.nudge.format.ViewedFile;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/// Reads files that have all experts of a layer in one tensor as if they had them one by one.
///
/// A stack of gate and up is (experts, 2 · inner, width), gate first; one of down is (experts,
/// width, inner). Each expert's matrices are rows of it, so they are read where they lie.
/// transformers writes a model in the layout that it was read in; in memory it has stacks.
final class StackedExperts {
  /// Names of stacks below a layer, gate and up before down.
  private static final List<List<String>> STACKS =
      List.of(
          List.of("mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
          List.of("block_sparse_moe.experts.gate_up_proj", "block_sparse_moe.experts.down_proj"),
          List.of("block_sparse_moe.input_linear.weight", "block_sparse_moe.output_linear.weight"));

  private static final List<String> ROUTERS =
      List.of("mlp.gate.weight", "block_sparse_moe.gate.weight", "block_sparse_moe.router.weight");

  private StackedExperts() {}

  /// Opens the weight files of a model.
  ///
  /// @throws InputException if a file cannot be read, or a stack has another shape than the config
  static WeightFile open(Path folder, ModelConfig config) {
    WeightFile file = WeightFile.open(folder);
    try {
      Map<String, Tensor> views = new TreeMap<>();
      Map<String, List<String>> stacks = of(file, config);
      Map<String, long[]> shapes = stacks.isEmpty() ? Map.of() : config.tensors();
      stacks.forEach((stack, parts) -> view(file, stack, parts, shapes, views));
      routers(file, config).forEach((own, name) -> views.put(own, file.tensor(name)));
      return ViewedFile.of(file, views, stacks.keySet());
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /// The stacks of a file: name → the tensors of experts that it holds, in its order.
  static Map<String, List<String>> of(WeightFile file, ModelConfig config) {
    Map<String, List<String>> found = new LinkedHashMap<>();
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      MoeConfig m = config.layers().get(i).feed().mixture();
      for (List<String> stack : m == null ? List.<List<String>>of() : STACKS) {
        String prefix = config.layer(i);
        if (m != null && file.names().contains(prefix + stack.getFirst())) {
          String experts = prefix + m.names().block() + ".experts.";
          found.put(prefix + stack.getFirst(), names(experts, m, m.names().gate(), m.names().up()));
          found.put(prefix + stack.getLast(), names(experts, m, m.names().down()));
        }
      }
    }
    return found;
  }

  private static List<String> names(String experts, MoeConfig m, String... projections) {
    List<String> names = new ArrayList<>();
    for (int e = 0; e < m.experts(); e++) {
      for (String projection : projections) {
        names.add(experts + e + "." + projection + ".weight");
      }
    }
    return names;
  }

  private static void view(
      WeightFile file,
      String stack,
      List<String> parts,
      Map<String, long[]> shapes,
      Map<String, Tensor> views) {
    if (!file.names().contains(stack)) {
      throw new InputException(
          file.source() + " has no tensor " + stack + ", which its config.json calls for");
    }
    long[] part = Objects.requireNonNull(shapes.get(parts.getFirst()));
    long experts = parts.size() / (stack.contains("down") || stack.contains("output") ? 1 : 2);
    long[] expected = {experts, parts.size() / experts * part[0], part[1]};
    Tensor all = file.tensor(stack);
    if (!Arrays.equals(all.shape(), expected)) {
      throw new InputException(
          "%s: %s is %s, config.json says %s"
              .formatted(
                  file.file(stack),
                  stack,
                  Arrays.toString(all.shape()),
                  Arrays.toString(expected)));
    }
    for (int i = 0; i < parts.size(); i++) {
      views.put(parts.get(i), all.view(i * part[0] * part[1], part, new long[] {part[1], 1}));
    }
  }

  /// Routers that a file calls otherwise than the config's files do: our name → the file's.
  static Map<String, String> routers(WeightFile file, ModelConfig config) {
    Map<String, String> names = new TreeMap<>();
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      MoeConfig m = config.layers().get(i).feed().mixture();
      String prefix = config.layer(i);
      String own =
          m == null ? "" : prefix + m.names().block() + "." + m.names().router() + ".weight";
      for (String other : m == null ? List.<String>of() : ROUTERS) {
        if (!file.names().contains(own) && file.names().contains(prefix + other)) {
          names.put(own, prefix + other);
        }
      }
    }
    return names;
  }
}
