package dev.nudge.model;

import dev.nudge.format.Entry;
import dev.nudge.format.Stack;
import dev.nudge.format.ViewedFile;
import dev.nudge.format.WeightFile;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.MoeConfig;
import dev.nudge.quant.Mxfp4Format;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
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

/// Reads files that stack a layer's experts in one tensor as one tensor per expert.
///
/// A stack of gate and up is (experts, 2 · inner, width), gate first; one of down is (experts,
/// width, inner). Each expert's matrices are rows of it, so they are read in place. transformers
/// writes a model in the layout that it was read in; in memory it has stacks.
///
/// In gpt-oss each part is transposed, (in, out), has a bias, and gate and up are interleaved. In
/// MXFP4 a stack is `NAME_blocks` (experts, out, in / 32, 16) and `NAME_scales` (experts, out, in /
/// 32), read in place.
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
  private final Set<String> hidden = new HashSet<>();

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
    all.stacks.forEach(stack -> all.hidden.add(stack.entry().name()));
    return ViewedFile.of(file, all.views, all.hidden, all.stacks);
  }

  private void layer(String prefix, MoeConfig m) {
    MoeConfig.Names names = m.names();
    String experts = prefix + names.block() + ".experts.";
    if (m.clamp() != null) {
      turned(experts, m, names.gate());
      turned(experts, m, names.down());
      return;
    }
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

  /// The stack of a module of gpt-oss.
  private void turned(String experts, MoeConfig m, String module) {
    String name = experts + module;
    List<String> parts = parts(experts, m, module);
    long[] part = Objects.requireNonNull(shapes.get(parts.getFirst()));
    long out = part[0];
    long in = part[1];
    String blocks = name + "_blocks";
    if (file.names().contains(name)) {
      Tensor all = checked(name, m.experts(), in, out);
      for (int e = 0; e < parts.size(); e++) {
        views.put(parts.get(e), all.view(e * in * out, part, new long[] {1, out}));
      }
      stacks.add(new Stack(file.entry(name), file.file(name), parts, true));
    } else if (file.names().contains(blocks)) {
      packed(blocks, name + "_scales", experts, m.experts(), module, part);
      Entry dense = Entry.of(name, Dtype.BF16, new long[] {m.experts(), in, out});
      stacks.add(new Stack(dense, file.file(blocks), parts, true)); // as it is written
    }
    String bias = name + "_bias";
    if (file.names().contains(bias)) {
      Tensor all = checked(bias, m.experts(), out);
      List<String> biases = parts.stream().map(StackedExperts::bias).toList();
      for (int e = 0; e < biases.size(); e++) {
        views.put(biases.get(e), all.view(e * out, new long[] {out}, new long[] {1}));
      }
      stack(bias, biases);
    }
  }

  private void packed(
      String blocks, String scales, String experts, int count, String module, long[] part) {
    long groups = part[1] / Mxfp4Format.BLOCK;
    if (groups * Mxfp4Format.BLOCK != part[1]) {
      throw new InputException(
          "%s: %s is in blocks of 32, and rows have %d numbers by config.json"
              .formatted(file.file(blocks), blocks, part[1]));
    }
    Tensor codes = checked(blocks, count, part[0], groups, Mxfp4Format.BLOCK / 2);
    Tensor powers = checked(scales, count, part[0], groups);
    for (int e = 0; e < count; e++) {
      String path = experts + e + "." + module + ".";
      views.put(path + Mxfp4Format.CODES, rows(codes, e, part[0]));
      views.put(path + Mxfp4Format.SCALES, rows(powers, e, part[0]));
    }
    hidden.addAll(List.of(blocks, scales));
  }

  private static String bias(String weight) {
    return WeightFormats.module(weight) + ".bias";
  }

  /// Part `e` of a stack as a matrix of `rows` rows.
  private static Tensor rows(Tensor stack, int e, long rows) {
    long each = stack.elements() / stack.shape(0);
    return stack.view(e * each, new long[] {rows, each / rows}, new long[] {each / rows, 1});
  }

  private Tensor checked(String name, long... expected) {
    if (!file.names().contains(name)) {
      throw new InputException(
          file.source() + " has no tensor " + name + ", which its config.json calls for");
    }
    Tensor all = file.tensor(name);
    if (!Arrays.equals(all.shape(), expected)) {
      throw new InputException(
          "%s: %s is %s, config.json says %s"
              .formatted(
                  file.file(name), name, Arrays.toString(all.shape()), Arrays.toString(expected)));
    }
    return all;
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
    long[] part = Objects.requireNonNull(shapes.get(parts.getFirst()));
    int each = name.contains("down") || name.contains("output") ? 1 : 2;
    Tensor all = checked(name, parts.size() / each, each * part[0], part[1]);
    for (int i = 0; i < parts.size(); i++) {
      views.put(parts.get(i), all.view(i * part[0] * part[1], part, new long[] {part[1], 1}));
    }
    stack(name, parts);
  }
}
