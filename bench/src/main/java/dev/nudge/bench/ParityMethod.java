package dev.nudge.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// What is compared: the model as it is, and ways to train it.
///
/// Rates are half a decade apart. Those of full fine-tuning, 3e-5 to 1e-3, lie between what recipes
/// for large models take (2e-5 [1]) and the most that SmolLM2's own recipe names for its small ones
/// (3e-4 and 1e-3 in batches of 128 long rows [2]); those of LoRA are ten times as high [3].
///
/// [1] TRL, docs of SFT. [2] huggingface/alignment-handbook, recipes/smollm2/sft/config_smol.yaml.
/// [3] J. Schulman et al., LoRA without regret, 2025.
enum ParityMethod {
  BASE("base", "base", false, 0, ""),
  BASE_NF4("base-nf4", "base in four bits", true, 0, ""),
  LORA("lora", "LoRA", false, 16, ParityMethod.ALL_LINEAR),
  QLORA("qlora", "QLoRA", true, 16, ParityMethod.ALL_LINEAR),
  FULL("full", "full", false, 0, ""),
  R8("r8", "LoRA, r 8, all linear", false, 8, ParityMethod.ALL_LINEAR),
  R64("r64", "LoRA, r 64, all linear", false, 64, ParityMethod.ALL_LINEAR),
  ATTENTION("attention", "LoRA, r 16, attention only", false, 16, "q_proj,k_proj,v_proj,o_proj"),
  DORA("dora", "DoRA, r 16, all linear", false, 16, ParityMethod.ALL_LINEAR, "--dora"),
  LORA_PLUS(
      "plus",
      "LoRA+ (16), r 16, all linear",
      false,
      16,
      ParityMethod.ALL_LINEAR,
      "--lora-plus",
      "16"),
  PISSA(
      "pissa",
      "PiSSA, r 16, all linear",
      false,
      16,
      ParityMethod.ALL_LINEAR,
      "--init",
      "pissa-niter-16"),
  R64_RS(
      "r64rs",
      "LoRA, r 64 with rsLoRA, all linear",
      false,
      64,
      ParityMethod.ALL_LINEAR,
      "--rs-lora");

  /// What the study is about; each has pilots.
  static final List<ParityMethod> MAIN = List.of(LORA, QLORA, FULL);

  /// The question.
  static final List<ParityMethod> PAIR = List.of(LORA, FULL);

  /// Other shapes of the adapter, trained at the rate of [#LORA].
  static final List<ParityMethod> SIDE = List.of(R8, R64, ATTENTION);

  /// Variants of the adapter; each has pilots.
  static final List<ParityMethod> VARIANTS = List.of(DORA, LORA_PLUS, PISSA, R64_RS);

  private static final String ALL_LINEAR = "all-linear";

  /// What stands beside LoRA of rank 16: other shapes, and variants.
  static List<ParityMethod> beside() {
    return Stream.concat(SIDE.stream(), VARIANTS.stream()).toList();
  }

  /// What has pilots.
  static List<ParityMethod> piloting() {
    return Stream.concat(MAIN.stream(), VARIANTS.stream()).toList();
  }

  private final String id;
  private final String label;
  private final boolean nf4;
  private final int rank;
  private final String targets;
  private final List<String> more;

  ParityMethod(String id, String label, boolean nf4, int rank, String targets, String... more) {
    this.id = id;
    this.label = label;
    this.nf4 = nf4;
    this.rank = rank;
    this.targets = targets;
    this.more = List.of(more);
  }

  /// Its name in names of files.
  String id() {
    return id;
  }

  String label() {
    return label;
  }

  /// Its name beside rank 16 on all linear layers: what is other.
  String brief() {
    return switch (this) {
      case R8 -> "r 8";
      case R64 -> "r 64";
      case ATTENTION -> "attention only";
      case DORA -> "DoRA";
      case LORA_PLUS -> "LoRA+";
      case PISSA -> "PiSSA";
      case R64_RS -> "r 64 with rsLoRA";
      default -> label;
    };
  }

  int rank() {
    return rank;
  }

  String targets() {
    return targets;
  }

  /// Whether anything is trained.
  boolean trains() {
    return this != BASE && this != BASE_NF4;
  }

  /// Whether what is trained is an adapter.
  boolean adapts() {
    return rank > 0;
  }

  /// The rates of its pilots.
  List<Double> rates() {
    return switch (this) {
      case FULL -> List.of(3e-5, 1e-4, 3e-4, 1e-3);
      case LORA_PLUS -> List.of(1e-4, 3e-4, 1e-3); // of A; B's is 16 times as high
      case DORA, PISSA, R64_RS -> List.of(3e-4, 1e-3, 3e-3);
      default -> List.of(3e-4, 1e-3, 3e-3, 1e-2);
    };
  }

  /// How many seeds its runs have.
  int seeds() {
    return PAIR.contains(this) ? 6 : 3;
  }

  /// The first of them. Variants take the seeds that LoRA has in the second round: the learning
  /// rate
  /// was not chosen with them, and both compute in one precision.
  int firstSeed() {
    return VARIANTS.contains(this) ? 3 : 0;
  }

  /// The method whose epochs and warm-up it takes.
  ParityMethod tuned() {
    return this == FULL ? FULL : LORA;
  }

  /// The method whose pilots choose its rate.
  ParityMethod piloted() {
    return SIDE.contains(this) ? LORA : this;
  }

  /// Flags of `train` and `eval` that say how weights are held.
  List<String> held() {
    return nf4 ? List.of("--quantize", "nf4") : List.of();
  }

  /// Flags of `train` that say what is trained.
  List<String> flags() {
    List<String> flags = new ArrayList<>(held());
    if (adapts()) {
      flags.addAll(List.of("--rank", Integer.toString(rank), "--targets", targets));
      flags.addAll(more);
    } else {
      flags.addAll(List.of("--method", "full"));
    }
    return flags;
  }

  /// A rate as names and tables have it: `3e-4`.
  static String written(double rate) {
    return String.format(Locale.ROOT, "%.0e", rate).replaceAll("e-0*", "e-");
  }
}
