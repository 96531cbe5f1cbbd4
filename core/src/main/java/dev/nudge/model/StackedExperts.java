package dev.nudge.model;

import dev.nudge.format.Stack;
import dev.nudge.format.ViewedFile;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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

  private final WeightFile file;
  private final Map<String, long[]> shapes;
  private final Map<String, Tensor> views = new TreeMap<>();
  private final List<Stack> stacks = new ArrayList<>();

  private StackedExperts(WeightFile file, Map<String, long[]> shapes) {
    this.file = file;
    this.shapes = shapes;
  }

  /// Opens the weight files of a model.
  ///
  /// @throws InputException if a file cannot be read, or a stack has another shape than the config
  static WeightFile open(Path folder, ModelConfig config) {
    WeightFile file = WeightFile.open(folder);
    try {
      return config.hasExperts() ? of(file, config) : file;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static WeightFile of(WeightFile file, ModelConfig config) {
    StackedExperts all = new StackedExperts(file, config.tensors());
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      MoeConfig m = config.layers().get(i).feed().mixture();
      if (m != null) {
        all.layer(config.layer(i), m);
      }
    }
    Set<String> hidden = new HashSet<>();
    all.stacks.forEach(stack -> hidden.add(stack.entry().name()));
    hidden.removeAll(all.views.keySet());
    return ViewedFile.of(file, all.views, hidden, all.stacks);
  }

  private void layer(String prefix, MoeConfig m) {
    MoeConfig.Names names = m.names();
    String experts = prefix + names.block() + ".experts.";
    for (List<String> stack : STACKS) {
      if (file.names().contains(prefix + stack.getFirst())) {
        view(prefix + stack.getFirst(), parts(experts, m, names.gate(), names.up()));
        view(prefix + stack.getLast(), parts(experts, m, names.down()));
      }
    }
    String router = prefix + names.block() + "." + names.router() + ".weight";
    for (String other : ROUTERS) {
      if (!file.names().contains(router) && file.names().contains(prefix + other)) {
        views.put(router, file.tensor(prefix + other));
        stack(prefix + other, List.of(router));
      }
    }
  }

  private void stack(String name, List<String> parts) {
    stacks.add(new Stack(file.entry(name), file.file(name), parts, false));
  }

  private static List<String> parts(String experts, MoeConfig m, String... projections) {
    List<String> names = new ArrayList<>();
    for (int e = 0; e < m.experts(); e++) {
      for (String projection : projections) {
        names.add(experts + e + "." + projection + ".weight");
      }
    }
    return names;
  }

  private void view(String name, List<String> parts) {
    if (!file.names().contains(name)) {
      throw new InputException(
          file.source() + " has no tensor " + name + ", which its config.json calls for");
    }
    long[] part = Objects.requireNonNull(shapes.get(parts.getFirst()));
    long experts = parts.size() / (name.contains("down") || name.contains("output") ? 1 : 2);
    long[] expected = {experts, parts.size() / experts * part[0], part[1]};
    Tensor all = file.tensor(name);
    if (!Arrays.equals(all.shape(), expected)) {
      throw new InputException(
          "%s: %s is %s, config.json says %s"
              .formatted(
                  file.file(name),
                  name,
                  Arrays.toString(all.shape()),
                  Arrays.toString(expected)));
    }
    for (int i = 0; i < parts.size(); i++) {
      views.put(parts.get(i), all.view(i * part[0] * part[1], part, new long[] {part[1], 1}));
    }
    stack(name, parts);
  }
}
