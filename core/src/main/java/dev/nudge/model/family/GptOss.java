package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.ClampedGlu;
import dev.nudge.kernel.Routing.Rule;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.rope.RopeParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// gpt-oss: experts with biases and a clamped GLU, attention sinks, every second layer with a
/// sliding window.
record GptOss() implements Family {
  private static final double THETA = 15e4;
  private static final Defaults DEFAULTS =
      new Defaults(2880, 2880, 36, 64, 8, 64, 201088, 131072, 1e-5, false, THETA, List.of(), null);

  /// The default RoPE; a config may still set its base.
  private static RopeParameters rope(ConfigJson c) {
    double theta = c.positive("rope_theta", THETA);
    return new RopeParameters.Yarn(theta, 32, 0.1 * Math.log(32) + 1, 32, 1, 4096, false);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("gpt_oss");
  }

  @Override
  public String architecture() {
    return "GptOssForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", true);
    MoeConfig mixture =
        MoeConfig.read(
                c,
                "num_local_experts",
                128,
                4,
                "intermediate_size",
                2880,
                Rule.NORMALISED,
                MoeConfig.Names.GPT_OSS)
            .withClamp(
                new ClampedGlu(c.positive("swiglu_alpha", 1.702), c.positive("swiglu_limit", 7.0)));
    boolean none = c.object("rope_parameters") == null && c.object("rope_scaling") == null;
    LayerConfig layer =
        (none ? r.unturned().withRope(rope(c)) : r.layer())
            .withBias(bias, bias, false)
            .withSinks()
            .withMixture(mixture);
    return r.model(this, r.windowed(layer, r.sliding(i -> i % 2 == 0), r.window(128)));
  }
}
