"""The estate as the planner sees it: resolved, typed, every value with the place it came from.

`planner.config` builds these values from YAML; everything after it works on them alone. Durations are seconds, sizes
bytes, rates bits per second. Nothing here knows YAML, vCenter or Azure.
"""

from planner.estate.azure import (
    Azure,
    AzureLogin,
    Existing,
    Identities,
    Login,
    ResourceGroup,
    SecretRef,
    StateBlob,
    WorkloadIdentity,
)
from planner.estate.diagnostic import Diagnostic, Span
from planner.estate.landing import LICENCES, USUAL_LANDING, Landing, OsType
from planner.estate.machines import TEST_SUFFIX, DiskWish, Hold, Machine, NicWish, Phase, Removed, Wave
from planner.estate.policies import (
    USUAL_CUTOVER,
    USUAL_TRIAL,
    AllowedDrift,
    BlackoutPolicy,
    CutoverPolicy,
    DriftPolicy,
    ForecastPolicy,
    LimitsPolicy,
    Prices,
    SchedulePolicy,
    ShutdownPolicy,
    ThrottleException,
    ThrottlePolicy,
    TrialPolicy,
)
from planner.estate.rules import Rule
from planner.estate.sites import INVENTORY_MAX_AGE, Appliance, Reader, Source, Target
from planner.estate.whole import Estate, Loaded
from replication.model.item import Security

__all__ = [
    "INVENTORY_MAX_AGE",
    "LICENCES",
    "TEST_SUFFIX",
    "USUAL_CUTOVER",
    "USUAL_LANDING",
    "USUAL_TRIAL",
    "AllowedDrift",
    "Appliance",
    "Azure",
    "AzureLogin",
    "BlackoutPolicy",
    "CutoverPolicy",
    "Diagnostic",
    "DiskWish",
    "DriftPolicy",
    "Estate",
    "Existing",
    "ForecastPolicy",
    "Hold",
    "Identities",
    "Landing",
    "LimitsPolicy",
    "Loaded",
    "Login",
    "Machine",
    "NicWish",
    "OsType",
    "Phase",
    "Prices",
    "Reader",
    "Removed",
    "ResourceGroup",
    "Rule",
    "SchedulePolicy",
    "SecretRef",
    "Security",
    "ShutdownPolicy",
    "Source",
    "Span",
    "StateBlob",
    "Target",
    "ThrottleException",
    "ThrottlePolicy",
    "TrialPolicy",
    "Wave",
    "WorkloadIdentity",
]
