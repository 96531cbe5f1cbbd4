package dev.nudge.adapter;

import dev.nudge.nn.LinearSlot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Adapters of one base that can be mixed in one batch (multi-LoRA), in inference or in training.
/// Each slot that any of them changes has a [LoraBank].
///
/// Threading: call all methods while no pass runs.
public final class Bank {
  private final Map<LinearSlot, LoraBank> banks = new LinkedHashMap<>();
  private final List<Boolean> taken = new ArrayList<>(); // by number
  private long grown;

  /// Adds an adapter that trains, see [Adapters#joins]; no adapter may be attached then.
  ///
  /// @return number of the adapter
  public int add(Adapters adapter) {
    return add(adapter.updates());
  }

  /// Adds an adapter that changes linear layers only; no adapter may be attached then.
  ///
  /// @return number of the adapter
  int add(List<LoraPlace> places) {
    int number = taken.indexOf(false);
    if (number < 0) {
      number = taken.size();
      taken.add(true);
    } else {
      taken.set(number, true);
    }
    boolean wider = false;
    for (LoraPlace place : places) {
      LoraBank bank = banks.computeIfAbsent(place.slot(), slot -> new LoraBank(place.base()));
      wider |= bank.set(number, place.made());
    }
    grown += wider ? 1 : 0;
    return number;
  }

  /// How often an added adapter has increased the workspace that steps may need.
  long grown() {
    return grown;
  }

  /// Removes an adapter.
  public void remove(int number) {
    taken.set(number, false);
    for (LoraBank bank : banks.values()) {
      var _ = bank.set(number, null);
    }
  }

  /// Puts the banks into their slots.
  ///
  /// @return undoes it
  public Runnable put() {
    List<Runnable> undo = new ArrayList<>();
    banks.forEach(
        (slot, bank) -> {
          var before = slot.linear();
          slot.set(bank);
          undo.add(() -> slot.set(before));
        });
    return () -> undo.forEach(Runnable::run);
  }
}
