package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// HunYuan's dense models: QK norm after RoPE, whose base `alpha` may scale.
record HunYuanDense() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 11008, 32, 32, 0, 0, 290943, 2048, 1e-5, false, 1e4, List.of(2), 0);

  @Override
  public List<String> modelTypes() {
    return List.of("hunyuan_v1_dense");
  }

  @Override
  public String architecture() {
    return "HunYuanDenseV1ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    LayerConfig layer =
        r.unturned().withBias(bias, bias, false).withNorms(Norms.BEFORE, QkNorm.TURNED_HEAD);
    return r.model(this, layer.withRope(r.ropes().stretched(layer.attention().dim())));
  }
}
