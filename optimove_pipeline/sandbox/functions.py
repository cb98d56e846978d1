"""Every function of the API that the sandbox serves, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optimove_pipeline.sandbox import action_answers as actions
from optimove_pipeline.sandbox import customer_answers as customers
from optimove_pipeline.sandbox import event_answers as events
from optimove_pipeline.sandbox import lookups, snapshot_answers
from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.rows import Row, Segments
from optimove_pipeline.sandbox.tenant import Tenant

Answer = Segments | Row | None


@dataclass(frozen=True, slots=True)
class Function:
    """A GET function. Only functions of the section ``customers`` have pages (reference, section 1.5)."""

    section: str
    name: str
    answer: Callable[[Tenant, Arguments], Answer]

    @property
    def path(self) -> str:
        """Section and name as documented, without the prefix ``current``."""
        return f"{self.section}/{self.name}"

    @property
    def paged(self) -> bool:
        """Whether $top and $skip apply."""
        return self.section == "customers"


_ALL = (
    Function("customers", "GetCustomersByAction", customers.customers_by_action),
    Function("customers", "GetCustomerActionsByTargetGroup", customers.actions_by_target_group),
    Function("customers", "GetCustomerOneTimeActionsByDate", customers.one_time_actions_by_date),
    Function("customers", "GetCustomerOneTimeActionsByCampaign", customers.one_time_actions_by_campaign),
    Function("customers", "GetCustomerAttributeChangers", snapshot_answers.attribute_changers),
    Function("customers", "GetCustomerFutureValues", snapshot_answers.future_values),
    Function("customers", "GetCustomerActionDetailsByDate", customers.action_details_by_date),
    Function("customers", "GetCustomersActionEndedByDate", customers.actions_ended_by_date),
    Function("customers", "GetCustomerExecutionDetailsByCampaign", customers.execution_details_by_campaign),
    Function("customers", "GetCustomerSendDetailsByCampaign", customers.send_details_by_campaign),
    Function("customers", "GetCustomerSendDetailsByChannel", customers.send_details_by_channel),
    Function("customers", "GetCurrentlyTargetedCustomers", customers.currently_targeted),
    Function("customers", "GetCustomerProductDetailsByDate", events.product_details_by_date),
    Function("customers", "GetCampaignInteractionCustomers", events.interaction_customers),
    Function("customers", "GetCustomersActivityEventAttributes", events.activity_events),
    Function("groups", "GetTargetGroupsByDate", actions.target_groups_by_date),
    Function("groups", "GetTargetGroupDetails", actions.target_group_details),
    Function("actions", "GetAllActions", actions.all_actions),
    Function("actions", "GetActionsByTargetGroup", actions.actions_by_target_group),
    Function("actions", "GetPromoCodes", actions.promo_codes),
    Function("actions", "GetPromoCodesByCampaign", actions.promo_codes_by_campaign),
    Function("actions", "GetPromoCodesByTargetGroup", actions.promo_codes_by_target_group),
    Function("actions", "GetActionDetailsByTargetGroup", actions.action_details_by_target_group),
    Function("actions", "GetExecutedCampaignDetails", actions.executed_campaign_details),
    Function("actions", "GetExecutionChannels", actions.execution_channels),
    Function("actions", "GetExecutedCampaignChannelDetails", actions.campaign_channel_details),
    Function("actions", "GetExecutedCampaignsByChannel", actions.campaigns_by_channel),
    Function("general", "GetLastDataUpdate", lookups.last_data_update),
    Function("model", "GetCustomerAttributeList", lookups.attribute_list),
    Function("model", "GetLifecycleStageList", lookups.lifecycle_stage_list),
    Function("model", "GetMicrosegmentList", lookups.microsegment_list),
    Function("actions", "GetCampaignDetails", actions.campaign_details),
    Function("actions", "GetActionName", lookups.name_of_action),
    Function("actions", "GetActionID", lookups.id_of_action),
    Function("groups", "GetTargetGroupName", lookups.name_of_target_group),
    Function("groups", "GetTargetGroupID", lookups.id_of_target_group),
    Function("integrations", "GetChannelTemplates", lookups.channel_templates),
    Function("integrations", "GetPromotions", lookups.promotions),
    Function("integrations", "GetActivityEventList", lookups.activity_event_list),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({function.path.lower(): function for function in _ALL})
"""By ``section/name`` in lower case: paths are not case-sensitive (reference, section 1.1)."""
