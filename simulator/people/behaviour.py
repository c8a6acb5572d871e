"""What people do beside what they should: every behaviour that a scenario may give a rate.

A rate says how often, 0 (never) to 1 (each time there is an occasion).
"""

from __future__ import annotations

from collections.abc import Mapping

BEHAVIOURS: Mapping[str, str] = {
    "refuels": "fills the tank on a trip",
    "hands_over": "gives the set to a colleague on the road, and both let the station know",
    "hands_over_unsaid": "gives the set to a colleague on the road, and nobody tells the station",
    "comes_back_late": "comes back one to four hours later than meant",
    "forgets_the_set": "goes home with the set in the pocket and brings it the next time",
    "parks_on_the_street": "parks where the station's radio does not reach",
    "other_slot": "hangs the set into any free slot instead of the one it came from",
    "other_cabinet": "hangs the set into another cabinet",
    "neighbours_set": "takes the neighbour's set where another slot gives way, too",
    "colleague_brings_it": "leaves the set with a colleague who brings it home",
    "half_seated": "leaves the fob half seated",
    "leaves_the_door_open": "walks off with the cabinet's door open",
    "does_not_take_it": "asks for a car and does not take the set",
    "posts_twice": "presses the button twice: the same request, sent again",
    "declares": "says how far it went and where the car stands",
    "reports_defects": "reports a defect that was noticed",
    "hides_defects": "keeps a defect that was noticed to oneself",
    "breaks_it": "comes back with a car that is not as it was: a defect, perhaps a fault code",
    "leaves_lights_on": "leaves the lights on, or a door open",
    "forces_the_door": "a thief, by night: forces a cabinet's door and takes what gives way",
    "pries_a_set": "a thief, by night: breaks a set out of its slot",
    "replays_a_request": "a thief: sends a request again that was overheard",
    "replays_a_recording": "a thief, by night: plays back to a sealed car what was recorded beside it",
    "presents_a_grant": "a thief, by night: shows a sealed car a grant that is stale, or for another car or holder",
}
