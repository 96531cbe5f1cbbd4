package dev.nudge.server.trials;

import dev.nudge.server.ServedAdapters;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Served;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The server's adapters plus its experiments, each listed as its control arm.
///
/// Threading: any number of threads.
record TrialAdapters(ServedAdapters adapters, Experiments experiments, ArmAdapters arms)
    implements ServedAdapters {

  @Override
  public @Nullable Served find(String model) {
    return experiments.has(model)
        ? arms.served(model, experiments.first(model))
        : adapters.find(model);
  }

  @Override
  public boolean isStill(Served served) {
    return adapters.isStill(served);
  }

  @Override
  public boolean hides(String name) {
    return adapters.hides(name);
  }

  @Override
  public List<Card> list() {
    List<Card> all = new ArrayList<>(adapters.list());
    for (String name : experiments.names()) {
      try {
        all.add(new Card(name, arms.served(name, experiments.first(name))));
      } catch (ApiException e) {
        // its adapter was removed; a request for it gets an error
      }
    }
    return all;
  }

  @Override
  public List<Unusable> unusable() {
    return adapters.unusable();
  }

  @Override
  public Served load(String name, String place, boolean replace, Consumer<Served> check) {
    if (experiments.has(name)) {
      throw ApiException.wrong(
          "lora_name",
          "'%s' is an experiment; give the adapter another name"
              .formatted(ApiException.shown(name)));
    }
    return adapters.load(name, place, replace, check);
  }

  @Override
  public @Nullable Served unload(String name) {
    return adapters.unload(name);
  }
}
