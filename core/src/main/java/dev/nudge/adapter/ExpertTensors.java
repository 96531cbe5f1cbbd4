package dev.nudge.adapter;

import dev.nudge.adapter.PeftFiles.Saved;
import dev.nudge.adapter.targets.ExpertPaths;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.format.ViewedFile;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The tensors of an adapter's file with those of experts by expert: A (rank, in) and B (out, rank)
/// of each `….experts.E.gate_up_proj` and `….experts.E.down_proj`.
///
/// In a file they are, for E experts, in one of two forms. Stacked, as PEFT 0.21 saves them,
/// A (rank · E, in) has the rows of an expert together and B (out, rank · E) has those of expert e
/// in the columns e, e + E, …; the first of two stacks of a module is under `experts.base_layer`,
/// the last under `experts`. One by one, as PEFT saved them before 0.18, gate and up have A and B
/// of their own, which are [A; A′] and diag(B, B′) of the joined module.
final class ExpertTensors {
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final Pattern STACK =
      Pattern.compile("(.*\\.experts)(\\.base_layer)?\\.lora_([AB])\\.weight");
  private static final Pattern ONE =
      Pattern.compile(
          "(.*)\\.(mlp|block_sparse_moe)(\\.experts\\.\\d+)\\.(gate_proj|up_proj|down_proj|w[123])"
              + "\\.lora_([AB])\\.weight");

  private final WeightFile file;
  private final Map<String, Tensor> views = new TreeMap<>();
  private final Set<String> hidden = new TreeSet<>();

  private ExpertTensors(WeightFile file) {
    this.file = file;
  }

  /// Whether the file has experts one by one.
  static boolean single(WeightFile file) {
    return file.names().stream().anyMatch(name -> ONE.matcher(name).matches());
  }

  /// Reads a file whose experts are in either form; returns a file without experts as it is.
  ///
  /// @throws InputException if the parts of an expert do not fit each other
  static WeightFile of(WeightFile file, Lora spec) {
    ExpertTensors all = new ExpertTensors(file);
    for (String name : file.names()) {
      Matcher stack = STACK.matcher(name);
      Matcher one = ONE.matcher(name);
      if (stack.matches()) {
        all.unstack(name, stack, spec);
      } else if (one.matches()) {
        all.join(name, one);
      }
    }
    return ViewedFile.of(file, all.views, all.hidden);
  }

  private void unstack(String name, Matcher m, Lora spec) {
    String experts = m.group(1);
    String path = experts.substring(PeftFiles.PREFIX.length());
    boolean a = m.group(3).equals("A");
    boolean inner = m.group(2) != null;
    boolean both = file.names().contains(experts + ".base_layer" + A);
    boolean gateUp = inner || (!both && spec.selects(path + ".0." + ExpertPaths.GATE_UP));
    String leaf = gateUp ? ExpertPaths.GATE_UP : ExpertPaths.DOWN;
    int rank = spec.rank(path + ".0." + leaf);
    Tensor stack = file.tensor(name);
    long side = stack.rank() == 2 ? stack.shape(a ? 0 : 1) : -1;
    if (side < rank || side % rank != 0) {
      throw new InputException(
          "tensor %s is %s; with the experts' rank %d in %s its side for ranks is a multiple of that"
              .formatted(name, Arrays.toString(stack.shape()), rank, PeftConfig.FILE));
    }
    int count = (int) (side / rank);
    for (int e = 0; e < count; e++) {
      Tensor own =
          a
              ? stack.rows(e * rank, (e + 1) * rank)
              : stack.view(
                  e, new long[] {stack.rows(), rank}, new long[] {stack.rowStride(), count});
      views.put("%s.%d.%s%s".formatted(experts, e, leaf, a ? A : B), own);
    }
    hidden.add(name);
  }

  private void join(String name, Matcher m) {
    boolean mixtral = m.group(4).startsWith("w"); // whose block has had another name since
    String block = mixtral ? "mlp" : m.group(2);
    String expert = m.group(1) + "." + block + m.group(3) + ".";
    String side = m.group(5).equals("A") ? A : B;
    hidden.add(name);
    switch (m.group(4)) {
      case "down_proj", "w2" -> views.put(expert + ExpertPaths.DOWN + side, file.tensor(name));
      case "gate_proj", "w1" -> {
        String up =
            name.replace(".gate_proj.lora", ".up_proj.lora").replace(".w1.lora", ".w3.lora");
        if (!file.names().contains(up)) {
          throw new InputException(
              "tensor %s is missing beside %s; gate and up of experts have an adapter together"
                  .formatted(up, name));
        }
        Tensor first = file.tensor(name);
        Tensor second = file.tensor(up);
        views.put(
            expert + ExpertPaths.GATE_UP + side,
            side.equals(A) ? below(first, second) : diagonal(first, second));
      }
      default -> {} // up, with gate
    }
  }

  private static Tensor below(Tensor first, Tensor second) {
    Tensor both = zeros(first.rows() + second.rows(), Math.max(first.cols(), second.cols()));
    copy(first, both, 0, 0);
    copy(second, both, first.rows(), 0);
    return both;
  }

  private static Tensor diagonal(Tensor first, Tensor second) {
    Tensor both = zeros(first.rows() + second.rows(), first.cols() + second.cols());
    copy(first, both, 0, 0);
    copy(second, both, first.rows(), first.cols());
    return both;
  }

  private static Tensor zeros(int rows, int cols) {
    MemorySegment memory = Arena.ofAuto().allocate(4L * rows * cols, 4);
    return Tensor.of(memory, Dtype.F32, rows, cols);
  }

  private static void copy(Tensor from, Tensor to, int row, int col) {
    for (int r = 0; r < from.rows(); r++) {
      for (int c = 0; c < from.cols(); c++) {
        to.set(row + r, col + c, from.get(r, c));
      }
    }
  }

  /// Returns the tensors to save, with those of experts stacked.
  ///
  /// @param tensors by name, the experts of a layer in their order
  static Map<String, Saved> stacked(Map<String, Tensor> tensors) {
    Map<String, Saved> saved = new LinkedHashMap<>();
    Map<String, List<Tensor>> stacks = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          String side = PeftFiles.isA(name) ? A : B;
          String path = name.endsWith(side) ? name.substring(0, name.length() - side.length()) : "";
          if (ExpertPaths.isExpert(path)) {
            stacks
                .computeIfAbsent(ExpertPaths.parameter(path) + side, n -> new ArrayList<>())
                .add(tensor);
          } else {
            saved.put(name, Saved.of(tensor));
          }
        });
    stacks.forEach(
        (name, experts) -> {
          String side = PeftFiles.isA(name) ? A : B;
          String parameter = name.substring(0, name.length() - side.length());
          String module = parameter.substring(0, parameter.lastIndexOf('.'));
          boolean below =
              parameter.endsWith(ExpertPaths.GATE_UP)
                  && stacks.containsKey(module + "." + ExpertPaths.DOWN + side);
          saved.put(module + (below ? ".base_layer" : "") + side, stack(experts, side));
        });
    return saved;
  }

  private static Saved stack(List<Tensor> experts, String side) {
    Tensor first = experts.getFirst();
    long count = experts.size();
    boolean a = side.equals(A);
    long[] shape = {
      a ? count * first.rows() : first.rows(), a ? first.cols() : count * first.cols()
    };
    return new Saved(shape, scope -> stack(experts, a, scope.tensor(first.dtype(), shape)));
  }

  private static Tensor stack(List<Tensor> experts, boolean a, Tensor all) {
    int count = experts.size();
    for (int e = 0; e < count; e++) {
      Tensor own = experts.get(e);
      for (int r = 0; r < own.rows(); r++) {
        for (int c = 0; c < own.cols(); c++) {
          all.set(a ? e * own.rows() + r : r, a ? c : c * count + e, own.get(r, c));
        }
      }
    }
    return all;
  }
}
