"""The book of custody and the rules: who may have which car, where its keys are, and how it is known."""

from lifecycle.errors import (
    AheadOfLedger,
    CommandConflict,
    InvalidRequest,
    MotorPoolError,
    NotTaken,
    OtherSetTaken,
    Problem,
    Refused,
    ReleaseFailed,
    SiteError,
    StationUnavailable,
    UnknownThing,
)
from lifecycle.ledger import Event
from lifecycle.model import (
    ActionView,
    Alternative,
    CabinetView,
    CheckOutView,
    DefectView,
    Health,
    OrderView,
    Reason,
    VehicleView,
)
from lifecycle.motorpool import CheckOutHandle, MotorPool
from lifecycle.roster import Roster, load_roster
from lifecycle.site import Site, load_site

__all__ = [
    "ActionView",
    "AheadOfLedger",
    "Alternative",
    "CabinetView",
    "CheckOutHandle",
    "CheckOutView",
    "CommandConflict",
    "DefectView",
    "Event",
    "Health",
    "InvalidRequest",
    "MotorPool",
    "MotorPoolError",
    "NotTaken",
    "OrderView",
    "OtherSetTaken",
    "Problem",
    "Reason",
    "Refused",
    "ReleaseFailed",
    "Roster",
    "Site",
    "SiteError",
    "StationUnavailable",
    "UnknownThing",
    "VehicleView",
    "load_roster",
    "load_site",
]
