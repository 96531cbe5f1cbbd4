package dev.nudge.adapter.init;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.LoraPlace;
import dev.nudge.adapter.ParameterMemory;
import dev.nudge.adapter.linalg.LoraInit;

/// Fills A with normal numbers of standard deviation 1/rank, as PEFT's `gaussian`; B stays zero.
final class GaussianInit implements Initialization {
  @Override
  public void begin(Adapters adapters, Base base) {
    for (LoraPlace place : adapters.linears()) {
      LoraInit.fillNormal(place.a().master(), base.seed(), place.path());
      ParameterMemory.scale(place.a().master(), 1.0 / place.a().master().rows());
      place.begun(false);
    }
  }
}
