"""One module a resource. A route asks the motor pool and shapes its answer; it has no rule of its own."""

from . import actions, cabinets, checkouts, defects, events, health, orders, vehicles

ROUTERS = (
    health.router,
    cabinets.router,
    vehicles.router,
    actions.router,
    checkouts.router,
    defects.router,
    orders.router,
    events.router,
)

__all__ = ["ROUTERS"]
