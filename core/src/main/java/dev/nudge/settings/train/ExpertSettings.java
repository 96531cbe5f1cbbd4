package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.Setting;

/// Settings of mixture-of-experts models only.
///
/// @param routerAuxLossCoef weight of the load-balancing loss
/// @param expertAdapters how the adapters of experts are saved
public record ExpertSettings(
    @Setting(
            help =
                "models with experts: weight of the load-balancing loss of the routers, as TRL adds"
                    + " it; metrics.jsonl has the loss as aux_loss",
            byDefault = "0")
        double routerAuxLossCoef,
    @Setting(
            help =
                "models with experts: how their adapters are saved, stacked as PEFT has them or one"
                    + " by one as vLLM reads them",
            byDefault = "stacked")
        ExpertAdapters expertAdapters) {

  public ExpertSettings {
    Check.notNegative("--router-aux-loss-coef", routerAuxLossCoef);
  }
}
