package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.ClampedGlu;
import dev.nudge.kernel.Routing;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The mixture of experts of a decoder layer, in place of its MLP.
///
/// Each expert is a gated MLP. Gate and up of an expert are two tensors here, in any file layout
/// (`StackedExperts`), and one module to adapters, `experts.E.gate_up_proj`, as in PEFT.
///
/// @param experts their number
/// @param chosen experts of a token
/// @param inner intermediate size of an expert
/// @param rule how the router's logits become weights of chosen experts
/// @param shared intermediate size of the shared expert; 0: none
/// @param clamp of experts with biases and interleaved gate and up; null: halves, no biases
public record MoeConfig(
    int experts,
    int chosen,
    int inner,
    Routing.Rule rule,
    int shared,
    Names names,
    @Nullable ClampedGlu clamp) {
  /// A family's names of the parts of its mixture, below a layer.
  ///
  /// @param block path in files
  /// @param router path in files, below the block
  /// @param gate of an expert in files
  /// @param up of an expert in files
  /// @param down of an expert in files
  /// @param module path of the block, as adapters name it
  /// @param choosing path of the router, as adapters name it, below the block
  public record Names(
      String block,
      String router,
      String gate,
      String up,
      String down,
      String module,
      String choosing) {
    /// The names of most families.
    static final Names USUAL =
        new Names("mlp", "gate", "gate_proj", "up_proj", "down_proj", "mlp", "gate");

    static final Names MIXTRAL =
        new Names("block_sparse_moe", "gate", "w1", "w3", "w2", "mlp", "gate");

    static final Names GRANITE =
        new Names(
            "block_sparse_moe",
            "router.layer",
            "gate_proj",
            "up_proj",
            "down_proj",
            "block_sparse_moe",
            "router");

    /// Gate and up are one matrix.
    static final Names GPT_OSS =
        new Names("mlp", "router", "gate_up_proj", "gate_up_proj", "down_proj", "mlp", "router");
  }

  /// Whether a tensor is a router's weight, which is never quantised.
  static boolean isRouter(String name) {
    return Stream.of(".gate.weight", ".router.weight", ".router.layer.weight")
        .anyMatch(name::endsWith);
  }

  /// Reads sizes.
  ///
  /// @param count key of the number of experts; a second name is accepted too
  static MoeConfig read(
      ConfigJson c,
      String count,
      int experts,
      int chosen,
      String size,
      int inner,
      Routing.Rule rule,
      Names names) {
    String key = c.has(count) || !c.has(alias(count)) ? count : alias(count);
    int number = c.whole(key, experts, 1 << 16);
    int k = c.whole("num_experts_per_tok", chosen, 1 << 16);
    if (k > number) {
      throw c.refuse("num_experts_per_tok " + k + " is above " + key + " " + number);
    }
    return new MoeConfig(
        number, k, c.whole(size, inner, ConfigReader.MOST_SIZE), rule, 0, names, null);
  }

  private static String alias(String count) {
    return count.equals("num_experts") ? "num_local_experts" : "num_experts";
  }

  MoeConfig withShared(int width) {
    return new MoeConfig(experts, chosen, inner, rule, width, names, clamp);
  }

  MoeConfig withClamp(ClampedGlu other) {
    return new MoeConfig(experts, chosen, inner, rule, shared, names, other);
  }
}
